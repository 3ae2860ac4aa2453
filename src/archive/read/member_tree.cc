#include "archive/read/member_tree.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace modelfs {
namespace {

// Symlinks followed while one is checked. Source: MAXSYMLINKS of Linux.
constexpr int kSymlinkHopsMax = 40;
constexpr std::uint32_t kOutside = ~std::uint32_t{0};
constexpr std::size_t kChunkBytes = 256 << 10;

// SipHash-2-4 of what is fed to it. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
class SipHash {
 public:
  explicit SipHash(const std::array<std::uint64_t, 2>& key)
      : v0_(key[0] ^ 0x736f6d6570736575u),
        v1_(key[1] ^ 0x646f72616e646f6du),
        v2_(key[0] ^ 0x6c7967656e657261u),
        v3_(key[1] ^ 0x7465646279746573u) {}
  void add(std::uint64_t word) {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }
  std::uint64_t finish() {
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_, v1_ = std::rotl(v1_, 13) ^ v0_, v0_ = std::rotl(v0_, 32);
    v2_ += v3_, v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_, v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_, v1_ = std::rotl(v1_, 17) ^ v2_, v2_ = std::rotl(v2_, 32);
  }
  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace

MemberTree::MemberTree() : slots_(1024, 0) {
  // Without randomness the tree is still right, only slow for an archive made against it.
  [[maybe_unused]] const auto got = ::getrandom(key_.data(), sizeof key_, GRND_NONBLOCK);
  MemberNode root;
  root.implied = true;
  nodes_.push_back(root);
}

std::uint64_t MemberTree::hash(std::uint32_t parent, std::string_view name) const {
  SipHash hash(key_);
  hash.add(parent | static_cast<std::uint64_t>(name.size()) << 32);
  while (!name.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(name.size(), sizeof word);
    std::memcpy(&word, name.data(), size);
    hash.add(word);
    name.remove_prefix(size);
  }
  return hash.finish();
}

std::optional<std::uint32_t> MemberTree::child(std::uint32_t parent, std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash(parent, name) & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const MemberNode& node = nodes_[slots_[slot]];
    if (node.parent == parent && node.name() == name) return slots_[slot];
  }
  return std::nullopt;
}

void MemberTree::index(std::uint32_t number) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash(nodes_[number].parent, nodes_[number].name()) & mask;
  while (slots_[slot] != 0) slot = (slot + 1) & mask;
  slots_[slot] = number;
}

const char* MemberTree::keep(std::string_view name, std::string_view target) {
  const std::size_t size = name.size() + target.size();
  if (size > chunk_left_) {
    chunk_left_ = std::max(kChunkBytes, size);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_left_));
    chunk_next_ = chunks_.back().get();
  }
  char* const text = chunk_next_;
  std::copy(name.begin(), name.end(), text);
  std::copy(target.begin(), target.end(), text + name.size());
  chunk_next_ += size;
  chunk_left_ -= size;
  text_bytes_ += size;
  return text;
}

std::uint32_t MemberTree::add(std::uint32_t parent, std::string_view name, FileType type, std::string_view target) {
  const std::uint32_t number = count();
  MemberNode node;
  node.text = keep(name, target);
  node.parent = parent;
  node.name_bytes = static_cast<std::uint16_t>(name.size());
  node.target_bytes = static_cast<std::uint16_t>(target.size());
  node.type = type;
  node.link = number;
  if (type == FileType::Symlink) {
    node.link = static_cast<std::uint32_t>(symlinks_.size());
    symlinks_.push_back({number, {}});
  }
  nodes_.push_back(node);
  if (nodes_.size() * 2 <= slots_.size()) {
    index(number);
  } else {
    std::vector<std::uint32_t>(slots_.size() * 2, 0).swap(slots_);
    for (std::uint32_t each = 1; each < count(); ++each) index(each);
  }
  return number;
}

void MemberTree::describe(std::uint32_t directory, const DirectoryFacts& facts) {
  nodes_[directory].link = static_cast<std::uint32_t>(directories_.size());
  directories_.push_back(facts);
}

std::string MemberTree::path_of(std::uint32_t number) const {
  std::vector<std::string_view> names;
  for (; number != kRoot; number = nodes_[number].parent) names.push_back(nodes_[number].name());
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!path.empty()) path += '/';
    path += *name;
  }
  return path;
}

std::optional<std::uint32_t> MemberTree::find_escaping_symlink() {
  for (std::uint32_t i = 0; i < symlinks_.size(); ++i) {
    if (walk(i, 0).number == kOutside) return symlinks_[i].number;
  }
  return std::nullopt;
}

// Where a symlink leads. Each is walked once and remembered. Why that is enough: one that leads outside, or is part of
// a loop, refuses the archive, whichever symlink was walked first.
MemberTree::Walked MemberTree::walk(std::uint32_t symlink, int depth) {
  Walked& known = symlinks_[symlink].walked;
  if (known.state == Walked::State::Known) return known;
  const bool circle = known.state == Walked::State::Walking;
  if (circle || depth > kSymlinkHopsMax) return {kOutside, 0, Walked::State::Known};
  known.state = Walked::State::Walking;
  const MemberNode& node = nodes_[symlinks_[symlink].number];
  Walked to{node.parent, 0, Walked::State::Known};
  std::uint64_t missing = 0;  // components below `to` that do not exist
  for (std::string_view path = node.target(); !path.empty();) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (!step(name, depth, missing, to)) {
      to.number = kOutside;
      break;
    }
  }
  known = to;
  return known;
}

// Takes one step of a walk; false when it leaves the root.
bool MemberTree::step(std::string_view name, int depth, std::uint64_t& missing, Walked& to) {
  if (name.empty() || name == ".") return true;
  if (name == "..") {
    if (missing > 0) {
      --missing;
      return true;
    }
    if (to.number == kRoot) return false;
    to.number = nodes_[to.number].parent;
    return true;
  }
  const bool can_have = missing == 0 && nodes_[to.number].type == FileType::Directory;
  const auto found = can_have ? child(to.number, name) : std::nullopt;
  if (!found) {
    ++missing;
    return true;
  }
  if (nodes_[*found].type != FileType::Symlink) {
    to.number = *found;
    return true;
  }
  const Walked through = walk(nodes_[*found].link, depth + 1);
  to.number = through.number;
  to.hops += 1 + through.hops;
  return to.number != kOutside && to.hops <= kSymlinkHopsMax;
}

}  // namespace modelfs
