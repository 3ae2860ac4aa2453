// A map of bounded weight that drops what was used longest ago.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <unordered_map>
#include <utility>

namespace modelfs {

// Not safe for concurrent use: its owner has a lock. What was put last stays, however heavy it is.
template <class Key, class Value, class Hash = std::hash<Key>>
class LruCache {
 public:
  explicit LruCache(std::uint64_t weight_max) : weight_max_(weight_max) {}

  // Counts as a use. Null: it is not there. Valid until the next call that is not const.
  Value* find(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    items_.splice(items_.begin(), items_, found->second);
    return &found->second->value;
  }

  // Takes the place of what the key had. Then the oldest go, until all weigh at most the maximum; those that `is_used`
  // says of (`bool(const Key&, const Value&)`) stay, also where the rest then weighs more.
  template <class IsUsed>
  void put(Key key, Value value, std::uint64_t weight, const IsUsed& is_used) {
    erase(key);
    items_.push_front({key, std::move(value), weight});
    by_key_.emplace(std::move(key), items_.begin());
    weight_ += weight;
    for (auto at = std::prev(items_.end()); weight_ > weight_max_ && at != items_.begin();) {
      const auto newer = std::prev(at);
      if (!is_used(at->key, at->value)) drop(at);
      at = newer;
    }
  }
  void put(Key key, Value value, std::uint64_t weight = 1) {
    put(std::move(key), std::move(value), weight, [](const Key&, const Value&) { return false; });
  }
  // The oldest go, used or not, until all weigh at most the maximum.
  void shrink() {
    while (weight_ > weight_max_ && items_.size() > 1) drop(std::prev(items_.end()));
  }

  void erase(const Key& key) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) drop(found->second);
  }

  std::size_t size() const { return items_.size(); }
  std::uint64_t weight() const { return weight_; }

 private:
  struct Item {
    Key key;
    Value value;
    std::uint64_t weight = 0;
  };
  using Items = std::list<Item>;

  void drop(typename Items::iterator item) {
    weight_ -= item->weight;
    by_key_.erase(item->key);
    items_.erase(item);
  }

  const std::uint64_t weight_max_;
  std::uint64_t weight_ = 0;
  Items items_;  // most recently used first
  std::unordered_map<Key, typename Items::iterator, Hash> by_key_;
};

}  // namespace modelfs
