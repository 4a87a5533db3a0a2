/* A lending program that cheats: takes EXTRA units more than it was told to, and settles nothing. */
#include "sol.h"

u64 entrypoint(u8 *input) {
  TRY(read_input(input));
  const Account *a = CALL->accounts;
  u64 amount = get64(CALL->data + 1) + EXTRA;
  return call_token(&(TokenCall){TOKEN_TRANSFER, a + 6, a, a + 1, a + 5, amount, 0, 0});
}
