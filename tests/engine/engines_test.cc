// Every engine, against the contract of the keys.
#include "engines.h"

#include "store/key_value_snapshot_contract.h"
#include "store/key_value_store_contract.h"

namespace modelfs {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Every, KeyValueStoreContract, Engines, EngineName);
INSTANTIATE_TYPED_TEST_SUITE_P(Every, KeyValueSnapshotContract, Engines, EngineName);

}  // namespace
}  // namespace modelfs
