#include "archive/recipe/gnu_deflate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "archive/recipe/deflate_blocks.h"

namespace modelfs {
namespace {

constexpr std::uint32_t kWindowBytes = 32 * 1024;
constexpr std::uint32_t kBufferBytes = 2 * kWindowBytes;
constexpr unsigned kHashBits = 15;
constexpr unsigned kHashShift = 5;
constexpr std::uint32_t kHashMask = (1u << kHashBits) - 1;
constexpr std::uint32_t kMatchMin = 3;
constexpr std::uint32_t kMatchMax = 258;
constexpr std::uint32_t kAheadMin = kMatchMax + kMatchMin + 1;
constexpr std::uint32_t kDistanceMax = kWindowBytes - kAheadMin;
constexpr std::uint32_t kFarForShort = 4096;  // a match of 3 from farther away costs more than it saves
constexpr std::uint32_t kNone = 0;            // no position: the first byte is never found again

// How hard a level searches.
struct HashBudget {
  std::uint32_t good;   // a match so long lets the search for a better one look at a quarter only
  std::uint32_t lazy;   // a match so long is taken without a look at the next byte; fast levels: how long is entered
  std::uint32_t nice;   // a match so long ends the search
  std::uint32_t chain;  // so many candidates are looked at
};
constexpr std::array<HashBudget, 10> kEfforts = {{{0, 0, 0, 0},
                                                  {4, 4, 8, 4},
                                                  {4, 5, 16, 8},
                                                  {4, 6, 32, 32},
                                                  {4, 4, 16, 16},
                                                  {8, 16, 32, 32},
                                                  {8, 16, 128, 128},
                                                  {8, 32, 128, 256},
                                                  {32, 128, 258, 1024},
                                                  {32, 258, 258, 4096}}};
constexpr int kFastLevelMax = 3;

}  // namespace

// The window, and the search for what was there before.
class GnuDeflate::Search {
 public:
  explicit Search(int level) : effort_(kEfforts[static_cast<std::size_t>(level)]), level_(level) {}

  void add(ByteView bytes) {
    while (!bytes.empty()) {
      // ReplaceOnClose refills only: as if all had been there from the beginning.
      const std::size_t count = std::min<std::size_t>(bytes.size(), kBufferBytes - pending_.size());
      pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      if (pending_.size() == kBufferBytes) run();
    }
  }

  void finish() {
    is_ended_ = true;
    run();
    if (level_ > kFastLevelMax && has_literal_) add_literal(window_[at_ - 1]);
    end_block(true);
  }

  std::string take() { return blocks_.take(); }

 private:
  void run() {
    while (true) {
      while (ahead_ < kAheadMin && !is_drained_) {
        if (!refill()) return;  // until there is more
      }
      if (ahead_ == 0) return;
      if (!is_started_) restart_hash();
      is_started_ = true;
      level_ <= kFastLevelMax ? step_fast() : step_lazy();
    }
  }

  // False when there is less to refill with than fits, and more may follow.
  bool refill() {
    const bool slides = at_ >= kWindowBytes + kDistanceMax;
    const std::uint32_t room = kBufferBytes - ahead_ - at_ + (slides ? kWindowBytes : 0);
    if (pending_.size() < room && !is_ended_) return false;
    if (slides) slide();
    const std::size_t count = std::min<std::size_t>(room, pending_.size());
    const auto taken = pending_.begin() + static_cast<std::ptrdiff_t>(count);
    std::transform(pending_.begin(), taken, window_.begin() + at_ + ahead_, std::to_integer<std::uint8_t>);
    pending_.erase(pending_.begin(), taken);
    ahead_ += static_cast<std::uint32_t>(count);
    if (count == 0) {
      is_drained_ = true;
      std::memset(window_.data() + at_ + ahead_, 0, kMatchMin - 1);
    }
    return true;
  }

  void slide() {
    std::memcpy(window_.data(), window_.data() + kWindowBytes, kWindowBytes);
    at_ -= kWindowBytes;
    match_at_ -= kWindowBytes;
    block_at_ -= kWindowBytes;
    const auto moved = [](std::uint32_t position) {
      return position >= kWindowBytes ? position - kWindowBytes : kNone;
    };
    std::transform(heads_.begin(), heads_.end(), heads_.begin(), moved);
    std::transform(previous_.begin(), previous_.end(), previous_.begin(), moved);
  }

  void restart_hash() { hash_ = ((unsigned{window_[at_]} << kHashShift) ^ window_[at_ + 1]) & kHashMask; }

  // Enters the three bytes at at_; where they were last, or kNone.
  std::uint32_t enter() {
    hash_ = ((hash_ << kHashShift) ^ window_[at_ + kMatchMin - 1]) & kHashMask;
    const std::uint32_t last = heads_[hash_];
    previous_[at_ % kWindowBytes] = last;
    heads_[hash_] = at_;
    return last;
  }

  // Nothing is searched for where a match would reach beyond the buffer, which happens only close to the end.
  bool may_match(std::uint32_t position) const {
    return position != kNone && at_ - position <= kDistanceMax && at_ <= kBufferBytes - kAheadMin;
  }

  // The length of the longest match longer than `beaten`, from `position` back; sets match_at_. Else `beaten`. May
  // reach beyond what is ahead.
  std::uint32_t longest_match(std::uint32_t position, std::uint32_t beaten) {
    const std::uint8_t* const here = window_.data() + at_;
    const std::uint32_t limit = at_ > kDistanceMax ? at_ - kDistanceMax : kNone;
    std::uint32_t best = beaten;
    std::uint32_t tries = beaten >= effort_.good ? effort_.chain / 4 : effort_.chain;
    do {
      const std::uint8_t* const there = window_.data() + position;
      if (there[best] == here[best] && there[best - 1] == here[best - 1] && there[0] == here[0] &&
          there[1] == here[1]) {
        std::uint32_t length = kMatchMin;  // equal hashes of equal first bytes: the third is equal too
        while (length < kMatchMax && here[length] == there[length]) ++length;
        if (length > best) {
          match_at_ = position;
          best = length;
          if (length >= effort_.nice) break;
        }
      }
      position = previous_[position % kWindowBytes];
    } while (position > limit && --tries != 0);
    return best;
  }

  void step_fast() {
    const std::uint32_t last = enter();
    std::uint32_t length = 0;
    if (may_match(last)) length = std::min(longest_match(last, kMatchMin - 1), ahead_);
    bool is_full = false;
    if (length >= kMatchMin) {
      is_full = add_match(at_ - match_at_, length);
      ahead_ -= length;
      if (length <= effort_.lazy) {
        for (std::uint32_t i = 1; i < length; ++i) {
          ++at_;
          enter();
        }
        ++at_;
      } else {
        at_ += length;
        restart_hash();
      }
    } else {
      is_full = add_literal(window_[at_]);
      ++at_;
      --ahead_;
    }
    if (is_full) end_block(false);
  }

  // A match is taken only when the next byte does not begin a longer one.
  void step_lazy() {
    const std::uint32_t last = enter();
    const std::uint32_t before = length_;
    const std::uint32_t before_at = match_at_;
    length_ = kMatchMin - 1;
    if (may_match(last) && before < effort_.lazy) {
      length_ = std::min(longest_match(last, before), ahead_);
      if (length_ == kMatchMin && at_ - match_at_ > kFarForShort) --length_;
    }
    if (before >= kMatchMin && length_ <= before) {
      take_match_before(before, before_at);
    } else {
      const bool is_full = has_literal_ && add_literal(window_[at_ - 1]);
      if (is_full) end_block(false);
      has_literal_ = true;
      ++at_;
      --ahead_;
    }
  }

  void take_match_before(std::uint32_t length, std::uint32_t match_at) {
    const bool is_full = add_match(at_ - 1 - match_at, length);
    ahead_ -= length - 1;
    for (std::uint32_t i = 2; i < length; ++i) {
      ++at_;
      enter();
    }
    ++at_;
    has_literal_ = false;
    length_ = kMatchMin - 1;
    if (is_full) end_block(false);
  }

  // Whether the block should end.
  bool add_literal(std::uint8_t byte) {
    blocks_.add_literal(byte);
    return is_block_full();
  }
  bool add_match(std::uint32_t distance, std::uint32_t length) {
    blocks_.add_match(distance, length);
    return is_block_full();
  }
  bool is_block_full() const {
    const std::size_t symbols = blocks_.symbol_count();
    if (level_ > 2 && symbols % 4096 == 0) {  // ends early what compresses well with few matches
      const std::uint64_t out_bytes = (symbols * 8 + blocks_.distance_bits()) / 8;
      const auto in_bytes = static_cast<std::uint64_t>(at_ - block_at_);
      if (blocks_.match_count() < symbols / 2 && out_bytes < in_bytes / 2) return true;
    }
    return symbols == DeflateBlocks::kSymbolsMax;
  }

  void end_block(bool is_last) {
    const std::int64_t size = at_ - block_at_;
    std::optional<ByteView> plain;
    if (block_at_ >= 0) {
      plain = std::as_bytes(std::span(window_))
                  .subspan(static_cast<std::size_t>(block_at_), static_cast<std::size_t>(size));
    }
    blocks_.end_block(plain, static_cast<std::uint64_t>(size), is_last);
    block_at_ = at_;
  }

  const HashBudget effort_;
  const int level_;
  std::vector<std::byte> pending_;  // received, not in the window yet
  bool is_ended_ = false;           // no more input
  bool is_drained_ = false;         // and all input is in the window
  bool is_started_ = false;

  std::vector<std::uint8_t> window_ = std::vector<std::uint8_t>(kBufferBytes + kMatchMax);
  std::vector<std::uint32_t> heads_ = std::vector<std::uint32_t>(kHashMask + 1);    // by hash: where it was last
  std::vector<std::uint32_t> previous_ = std::vector<std::uint32_t>(kWindowBytes);  // by position: where it was before
  std::uint32_t hash_ = 0;
  std::uint32_t at_ = 0;                  // in the window
  std::uint32_t ahead_ = 0;               // bytes from there on
  std::int64_t block_at_ = 0;             // where the block began; below 0 when that has left the window
  std::uint32_t match_at_ = 0;            // of the last match found
  std::uint32_t length_ = kMatchMin - 1;  // of the match that began one byte before
  bool has_literal_ = false;              // the byte before at_ is not written yet
  DeflateBlocks blocks_;
};

GnuDeflate::GnuDeflate(int level) : search_(std::make_unique<Search>(level)) {}
GnuDeflate::~GnuDeflate() = default;

void GnuDeflate::add(ByteView bytes) { search_->add(bytes); }
void GnuDeflate::finish() { search_->finish(); }
std::string GnuDeflate::take() { return search_->take(); }

}  // namespace modelfs
