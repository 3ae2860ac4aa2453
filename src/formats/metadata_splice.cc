#include "formats/metadata_splice.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>

#include "formats/metadata.h"
#include "formats/python_json.h"

namespace modelfs {
namespace {

// Bytes of a document, from `begin` to before `end`.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Where a document says where the model is stored.
struct StoragePlaces {
  std::optional<Range> storage;  // the whole value
  std::optional<Range> root;     // the string with its quotes
  std::optional<Range> path;
};

// Finds them while a parser goes through. Only what begins and ends with a mark of its own (a string, an object, an
// array) has a range: the parser looks one byte ahead to end a number.
class Finder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Finder(std::string_view document, const std::size_t* bytes_read) : document_(document), bytes_read_(bytes_read) {}

  const StoragePlaces& places() const { return places_; }

  bool null() override { return word(); }
  bool boolean(bool) override { return word(); }
  bool number_integer(number_integer_t) override { return word(); }
  bool number_unsigned(number_unsigned_t) override { return word(); }
  bool number_float(number_float_t, const string_t&) override { return word(); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t&) override {
    note(*bytes_read_);
    return true;
  }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool key(string_t& name) override {
    if (depth_ == 1) in_storage_ = name == "storage";
    place_ = nullptr;
    if (depth_ == 1 && in_storage_) place_ = &places_.storage;
    if (depth_ == 2 && in_storage_ && name == "root") place_ = &places_.root;
    if (depth_ == 2 && in_storage_ && name == "path") place_ = &places_.path;
    if (place_ != nullptr) value_begin_ = document_.find_first_not_of(" \t\r\n:", *bytes_read_);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  void note(std::size_t end) {
    if (place_ != nullptr) *place_ = Range{value_begin_, end};
    place_ = nullptr;
  }
  // A number, or true, false, null: it ends where a mark or a space comes.
  bool word() {
    if (place_ == &places_.storage) note(document_.find_first_of(" \t\r\n,}", value_begin_));
    place_ = nullptr;
    return true;
  }
  bool open() {
    // Its members are found before its end is.
    if (depth_ == 1 && place_ == &places_.storage) storage_begin_ = value_begin_;
    place_ = nullptr;
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    if (depth_ == 1 && storage_begin_) {
      places_.storage = Range{*storage_begin_, *bytes_read_};
      storage_begin_.reset();
    }
    place_ = nullptr;
    return true;
  }

  const std::string_view document_;
  const std::size_t* bytes_read_;
  StoragePlaces places_;
  int depth_ = 0;
  bool in_storage_ = false;
  std::optional<Range>* place_ = nullptr;  // of the next value
  std::size_t value_begin_ = 0;
  std::optional<std::size_t> storage_begin_;
};

Result<StoragePlaces> find_storage(std::string_view document) {
  if (Status status = check_given_metadata(document); !status.ok()) return status;
  const auto plain = plain_json(document);
  if (!plain.ok()) return plain.status();
  std::size_t bytes_read = 0;
  Finder finder(*plain, &bytes_read);
  const char* const end = plain->data() + plain->size();
  if (!nlohmann::json::sax_parse(CountingIterator(plain->data(), &bytes_read), CountingIterator(end, &bytes_read),
                                 &finder)) {
    return Status(Code::Malformed, "metadata: no valid JSON");
  }
  return finder.places();
}

// As Python's json module writes it.
std::string quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<std::string> splice_storage(std::string_view document, std::string_view root, std::string_view path) {
  const auto places = find_storage(document);
  if (!places.ok()) return places.status();
  const auto is_string = [&](const std::optional<Range>& range) { return range && document[range->begin] == '"'; };
  if (!is_string(places->path)) return Status(Code::NotFound, "metadata: it has no string storage.path");
  std::string spliced(document);
  const auto put = [&](const Range& range, std::string_view text) {
    spliced.replace(range.begin, range.end - range.begin, quoted(text));
  };
  // From the back, so that the ranges in front stay valid.
  const bool has_root = is_string(places->root);
  if (has_root && places->root->begin > places->path->begin) put(*places->root, root);
  put(*places->path, path);
  if (has_root && places->root->begin < places->path->begin) put(*places->root, root);
  return spliced;
}

Result<std::string> replace_storage(std::string_view document, std::string_view root, std::string_view path) {
  const auto places = find_storage(document);
  if (!places.ok()) return places.status();
  const std::string value = R"({"type": "file_system", "root": )" + quoted(root) + R"(, "path": )" + quoted(path) + "}";
  std::string replaced(document);
  if (places->storage) {
    replaced.replace(places->storage->begin, places->storage->end - places->storage->begin, value);
    return replaced;
  }
  const std::size_t first = document.find('{') + 1;
  const bool is_empty = document[document.find_first_not_of(" \t\r\n", first)] == '}';
  replaced.insert(first, R"("storage": )" + value + (is_empty ? "" : ", "));
  return replaced;
}

}  // namespace modelfs
