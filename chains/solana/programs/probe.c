/* Shows wide.h to the tests: one operation on two numbers of 192 bits, the result as return data.
 * Data: operation u8, then the two numbers (24 bytes each, little-endian). */
#include "wide.h"

#define FAILED 14

u64 entrypoint(u8 *input) {
  Num *a, *r = 0;
  TRY(read_input(input));
  NEED(CALL->size == 1 + 2 * sizeof(Num), 1);
  a = allocate(2 * sizeof(Num));
  r = allocate(sizeof(Num));
  for (u64 i = 0; i < 2 * LIMBS; i++) a[i / LIMBS].d[i % LIMBS] = ((const u32 *)(CALL->data + 1))[i];
  switch (CALL->data[0]) {
    case 0: add(r, a, a + 1); break;
    case 1: subtract(r, a, a + 1); break;
    case 2: multiply(r, a, a + 1); break;
    case 3: divide(r, a, a + 1); break;
    case 4: wad_multiply(r, a, a + 1); break;
    case 5: wad_divide(r, a, a + 1); break;
    case 6: power(r, a, to64(a + 1)); break;
    case 7: set(r, compare(a, a + 1)); break;
    case 8: set(r, floor64(a)); break;
    case 9: set(r, ceil64(a)); break;
    case 10: put128((u8 *)r, a); break;
    default: return 1;
  }
  NEED(!CALL->math_failed, FAILED);
  return sol_set_return_data((const u8 *)r, sizeof(Num));
}
