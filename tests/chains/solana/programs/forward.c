/* Calls another program with the data and the accounts it was given itself; its program is last. */
#include "../../../../chains/solana/programs/sol.h"

u64 entrypoint(u8 *input) {
  TRY(read_input(input));
  u64 count = CALL->count - 1;
  Meta *metas = allocate(count * sizeof(Meta));
  Instruction *call = allocate(sizeof(Instruction));
  for (u64 i = 0; i < count; i++) {
    const Account *account = CALL->accounts + i;
    metas[i] = (Meta){account->key, account->is_writable, account->is_signer};
  }
  *call = (Instruction){CALL->accounts[count].key, metas, count, CALL->data, CALL->size};
  return sol_invoke_signed_c(call, CALL->accounts, CALL->count, 0, 0);
}
