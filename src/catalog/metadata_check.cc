// What a client may bring as metadata: check_given_metadata().
#include <cstddef>
#include <exception>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/names.h"
#include "catalog/metadata.h"

namespace modelfs {
namespace {

Status malformed(const std::string& why) { return {Code::Malformed, "metadata: " + why}; }
Status malformed_at(std::size_t byte, const std::string& why) {
  return malformed(why + " at byte " + std::to_string(byte));
}

// Goes through a document once, before any parser does: finds how deep it is, and makes Python's JSON plain JSON.
class Scan {
 public:
  explicit Scan(std::string_view document) : plain_(document) {}

  Status run() {
    for (std::size_t i = 0; i < plain_.size(); ++i) {
      // Why: nlohmann_json takes a NUL for the end and would not look at what follows.
      if (plain_[i] == '\0') return malformed_at(i, "NUL");
      if (in_string_) {
        if (plain_[i] == '"') in_string_ = false;
        if (plain_[i] == '\\') ++i;
      } else if (Status status = step(i); !status.ok()) {
        return status;
      }
    }
    return {};
  }

  // The document with a number of the same length in place of each NaN and Infinity.
  const std::string& plain() const { return plain_; }

 private:
  Status step(std::size_t i) {
    switch (plain_[i]) {
      case '"': in_string_ = true; break;
      case '{':
      case '[':
        if (++depth_ > kMetadataDepthMax) {
          return malformed_at(i, "nested deeper than " + std::to_string(kMetadataDepthMax));
        }
        break;
      case '}':
      case ']':
        if (depth_ > 0) --depth_;  // one too many is the parser's to refuse
        break;
      case 'N': replace(i, "NaN", begins_value(i)); break;
      case 'I': replace(i, "Infinity", begins_value(i > 0 && plain_[i - 1] == '-' ? i - 1 : i)); break;
      default: break;
    }
    return {};
  }

  // False within a word: "1NaN" must not become the number 10.
  bool begins_value(std::size_t i) const {
    return i > 0 && std::string_view(" \t\r\n:,[").find(plain_[i - 1]) != std::string_view::npos;
  }

  void replace(std::size_t i, std::string_view token, bool begins) {
    if (!begins || plain_.compare(i, token.size(), token) != 0) return;
    plain_.replace(i, token.size(), token.size(), ' ');
    plain_[i] = '0';
  }

  std::string plain_;
  std::size_t depth_ = 0;
  bool in_string_ = false;
};

// Reads characters and counts them where others can see, because nlohmann_json tells its handler no positions.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

// Keeps nothing of a document but the keys of the objects that are open, and why it was refused.
class Judge : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Judge(const std::size_t* bytes_read) : bytes_read_(bytes_read) {}

  const Status& verdict() const { return verdict_; }

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("a boolean"); }
  bool number_integer(number_integer_t) override { return value("a number"); }
  bool number_unsigned(number_unsigned_t) override { return value("a number"); }
  bool number_float(number_float_t, const string_t&) override { return value("a number"); }
  bool string(string_t&) override { return value("a string"); }
  bool binary(binary_t&) override { return value("binary"); }
  bool start_array(std::size_t) override { return value("an array"); }
  bool end_array() override { return true; }
  bool start_object(std::size_t) override {
    open_objects_.emplace_back();
    return true;
  }
  bool end_object() override {
    open_objects_.pop_back();
    return true;
  }
  bool key(string_t& name) override {
    if (open_objects_.back().insert(name).second) return true;
    return refuse("the key '" + printable(std::string_view(name).substr(0, 80)) + "' a second time");
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return refuse("no valid JSON");
  }

 private:
  // Whatever it is, it stands in an object, or the document is no object.
  bool value(const char* kind) {
    return !open_objects_.empty() || refuse(std::string(kind) + " where an object must be");
  }
  bool refuse(const std::string& why) {
    // The last byte that was read is the one that decided.
    verdict_ = malformed_at(*bytes_read_ > 0 ? *bytes_read_ - 1 : 0, why);
    return false;
  }

  const std::size_t* bytes_read_;
  std::vector<std::set<std::string>> open_objects_;
  Status verdict_;
};

Status parse(const std::string& document) {
  std::size_t bytes_read = 0;
  Judge judge(&bytes_read);
  const char* const end = document.data() + document.size();
  const bool accepted = nlohmann::json::sax_parse(CountingIterator(document.data(), &bytes_read),
                                                  CountingIterator(end, &bytes_read), &judge);
  if (!accepted && judge.verdict().ok()) return malformed("no valid JSON");
  return judge.verdict();
}

}  // namespace

Status check_given_metadata(std::string_view bytes) {
  if (bytes.size() > kMetadataBytesMax) {
    return malformed("larger than 1 MiB: it would go on at byte " + std::to_string(kMetadataBytesMax));
  }
  Scan scan(bytes);
  if (Status status = scan.run(); !status.ok()) return status;
  try {
    return parse(scan.plain());
  } catch (const std::exception& error) {
    return malformed(std::string("no valid JSON: ") + error.what());
  }
}

}  // namespace modelfs
