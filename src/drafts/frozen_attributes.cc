#include "drafts/frozen_attributes.h"

#include <unordered_set>

#include "base/codec.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// Up to so many entries each is looked for by itself; else all attributes of all drafts are looked through once, since
// most files have none, and a search for each of 100,000 takes longer than the rest of their commit.
constexpr std::size_t kSearchedOneByOneMax = 64;

class Collector {
 public:
  // Adds what `key` of an attribute says; false ends the scan.
  bool add(std::string_view key, std::string_view value) {
    constexpr std::size_t kPrefixBytes = 2;
    constexpr std::size_t kInoBytes = 8;
    const auto ino = parse_be64(key.substr(kPrefixBytes, kInoBytes));
    if (!ino.ok() || value.empty()) return true;
    if (wanted_ && !wanted_->contains(*ino)) return true;
    const std::string_view name = key.substr(kPrefixBytes + kInoBytes);
    total_bytes_ += name.size() + value.size();
    // The first byte of the value keeps an empty one apart from none.
    found_[*ino].push_back({std::string(name), std::string(value.substr(1))});
    return total_bytes_ <= kPackageAttributeBytesMax;
  }
  void want(std::unordered_set<std::uint64_t> inos) { wanted_ = std::move(inos); }

  Result<AttributesByIno> take() {
    if (total_bytes_ <= kPackageAttributeBytesMax) return std::move(found_);
    return Status(Code::TooLarge, "its extended attributes take more than " +
                                      std::to_string(kPackageAttributeBytesMax >> 20) + " MiB; remove some");
  }

 private:
  AttributesByIno found_;
  std::optional<std::unordered_set<std::uint64_t>> wanted_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace

Result<AttributesByIno> attributes_of(const KeyValueStore& keys, const FrozenDraft& draft) {
  const auto snapshot = keys.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  Collector collector;
  const auto visit = [&](std::string_view key, std::string_view value) { return collector.add(key, value); };
  std::unordered_set<std::uint64_t> inos;
  for (const FrozenEntry& entry : draft.entries()) inos.insert(raw(entry.ino));
  Status scanned;
  if (inos.size() <= kSearchedOneByOneMax) {
    for (auto at = inos.begin(); scanned.ok() && at != inos.end(); ++at) {
      scanned = (*snapshot)->scan(keys::attributes(Ino{*at}), "", visit);
    }
  } else {
    collector.want(std::move(inos));
    scanned = (*snapshot)->scan(keys::all(keys::Kind::Attribute), "", visit);
  }
  if (!scanned.ok()) return scanned;
  return collector.take();
}

}  // namespace modelfs
