// Checks metadata that a client provides: check_given_metadata().
#include <cstddef>
#include <exception>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/names.h"
#include "formats/metadata.h"
#include "formats/python_json.h"

namespace modelfs {
namespace {

Status bad_metadata(const std::string& why) { return {Code::Malformed, "metadata: " + why}; }
Status bad_metadata_at(std::size_t byte, const std::string& why) {
  return bad_metadata(why + " at byte " + std::to_string(byte));
}

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
    return refuse("the key '" + printable(std::string_view(name).substr(0, 80)) + "' twice");
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return refuse("no valid JSON");
  }

 private:
  // A scalar must be inside an object, or the document is not an object.
  bool value(const char* kind) {
    return !open_objects_.empty() || refuse(std::string(kind) + " where an object must be");
  }
  bool refuse(const std::string& why) {
    // The last byte that was read is the one that decided.
    verdict_ = bad_metadata_at(*bytes_read_ > 0 ? *bytes_read_ - 1 : 0, why);
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
  if (!accepted && judge.verdict().ok()) return bad_metadata("no valid JSON");
  return judge.verdict();
}

}  // namespace

Status check_given_metadata(std::string_view bytes) {
  if (bytes.size() > kMetadataBytesMax) {
    return bad_metadata("larger than 1 MiB: it would go on at byte " + std::to_string(kMetadataBytesMax));
  }
  const auto plain = plain_json(bytes);
  if (!plain.ok()) return plain.status();
  try {
    return parse(*plain);
  } catch (const std::exception& error) {
    return bad_metadata(std::string("no valid JSON: ") + error.what());
  }
}

}  // namespace modelfs
