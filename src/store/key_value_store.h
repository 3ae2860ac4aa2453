// The contract of the ordered keys under the catalog. One suite (tests/store/key_value_store_contract.h) is passed by
// every engine.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace modelfs {

// How long-lived the promise of a commit is when it returns.
enum class Durability {
  Buffered,  // survives the death of the process, not of the machine; kept in order before any later Durable commit
  Durable,   // survives power loss, and so does every Buffered commit before it
};

// Whether a batch may be applied when the disk is below its reserve.
enum class SpaceNeed {
  Grows,     // refused with NoSpace below the reserve
  Reclaims,  // a removal: allowed to use the reserve
};

// Changes that become visible together, or not at all. Values are never empty. Keys may be any bytes, up to 64 KiB.
struct Batch {
  struct Put {
    std::string key;
    std::string value;
  };
  struct Expectation {
    std::string key;
    std::optional<std::string> value;  // the whole value, or nullopt: the key is absent
  };
  std::vector<Expectation> expectations;
  std::vector<std::string> erases;  // applied first; erasing an absent key is fine
  std::vector<std::string>
      erase_prefixes;     // applied with erases: every key that begins with one of these (never empty)
  std::vector<Put> puts;  // applied after the erases

  void expect(std::string key, std::optional<std::string> value) {
    expectations.push_back({std::move(key), std::move(value)});
  }
  void put(std::string key, std::string value) { puts.push_back({std::move(key), std::move(value)}); }
  void erase(std::string key) { erases.push_back(std::move(key)); }
  void erase_prefix(std::string prefix) { erase_prefixes.push_back(std::move(prefix)); }
};

// A consistent view of all keys. Safe for concurrent use. Short-lived: release it before a commit. An engine that must
// reopen after a failure waits a while for its snapshots and then ends those that are left: they answer IoError from
// then on.
class KeyValueSnapshot {
 public:
  virtual ~KeyValueSnapshot() = default;
  // NotFound: no such key. Corrupt: the engine's checksum does not match. IoError.
  virtual Result<std::string> get(std::string_view key) const = 0;
  // Calls `visit` for each key that begins with `prefix` and is >= `from` (empty: from the first), in byte order, until
  // it returns false. The views are valid during the call only.
  virtual Status scan(std::string_view prefix, std::string_view from,
                      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
  // The first failure that get() or scan() has answered, NotFound aside. A caller that takes "cannot be read" for "does
  // not exist" checks this before it acts on that.
  virtual Status failure() const = 0;
};

// Safe for concurrent use.
class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;
  // A consistent view that later commits do not change. IoError: the engine is closed after a failure and could not be
  // reopened.
  virtual Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const = 0;
  // The value now: snapshot() and get() in one.
  virtual Result<std::string> get(std::string_view key) const = 0;
  // Conflict: an expectation does not hold; nothing changed. NoSpace: below the reserve, or the disk is full; nothing
  // changed. IoError: nothing changed. Ok also when a write failed on the way and the batch was found all the same, and
  // is durable: the engine reopens the store by itself to see. Uncertain: it could not be reopened; the batch may be
  // there or not when it can be, so nothing that it needs may be taken away. Hold no snapshot meanwhile.
  // A batch that changes nothing asks whether its expectations hold, and gets an answer only where no earlier commit is
  // Uncertain any more.
  virtual Status commit(const Batch& batch, Durability durability, SpaceNeed need = SpaceNeed::Grows) = 0;
  // Reads all that the engine keeps on its medium, also what only its next opening would read, and says what is
  // damaged: a sentence each, with the next step. May take long.
  virtual std::vector<std::string> verify() = 0;
};

}  // namespace modelfs
