// Every engine, against the contract of the blobs.
#include "engines.h"
#include "store/blob_store_contract.h"

namespace modelfs {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Every, BlobStoreContract, Engines, EngineName);

}  // namespace
}  // namespace modelfs
