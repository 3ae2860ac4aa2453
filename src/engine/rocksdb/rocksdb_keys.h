// Ordered keys in RocksDB.
#pragma once
#include <memory>
#include <optional>

#include "engine/rocksdb/database.h"
#include "engine/rocksdb/key_claims.h"
#include "store/key_value_store.h"

namespace modelfs {

class RocksdbKeys final : public KeyValueStore {
 public:
  // A prefix with more keys than this is erased as a range.
  static constexpr std::size_t kErasedOneByOneMax = 1000;

  // Commits that grow are refused below `reserve_bytes` of free space, those that reclaim below an eighth of it. 0:
  // none are.
  RocksdbKeys(std::unique_ptr<Database> database, std::uint64_t reserve_bytes)
      : database_(std::move(database)), reserve_bytes_(reserve_bytes) {}

  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override;
  Result<std::string> get(std::string_view key) const override;
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override;
  std::vector<std::string> verify() override;

 private:
  Status check_space(const Batch& batch, SpaceNeed need) const;
  // Inside `call`; leaves a doubt if the write failed.
  Status write(OpenDatabase& database, const OpenDatabase::Call& call, const Batch& batch, Durability durability,
               std::optional<Database::Doubt>& doubt);
  // What commit() answers after such a failure.
  static Status find_out(Database::Doubt& doubt, const Batch& batch, const Status& written);

  const std::unique_ptr<Database> database_;
  const std::uint64_t reserve_bytes_;
  KeyClaims claims_;  // before the Database: no thread waits for a claim while it holds an OpenDatabase
};

}  // namespace modelfs
