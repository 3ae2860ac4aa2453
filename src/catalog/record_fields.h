// How the fields of a record are encoded and decoded. Private to the catalog; the layout is in FORMAT.md.
//
// A record names its fields once, in a function that is called with a FieldWriter to encode and with a FieldReader to
// decode. So the two directions cannot disagree about the order.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/codec.h"
#include "base/types.h"

namespace modelfs {

class FieldWriter {
 public:
  template <class... Fields>
  void operator()(const Fields&... fields) {
    (write(fields), ...);
  }
  std::string take() { return encoder_.take(); }

 private:
  void write(bool value) { encoder_.number(value ? 1 : 0); }
  void write(std::uint32_t value) { encoder_.number(value); }
  void write(std::uint64_t value) { encoder_.number(value); }
  void write(TimeNs value) { encoder_.signed_number(raw(value)); }
  void write(const std::string& value) { encoder_.text(value); }
  void write(const Digest& value) { encoder_.digest(value); }
  void write(const Ownership& value) { (*this)(value.uid, value.gid, value.mode); }
  template <class Number>
  requires std::is_enum_v<Number>
  void write(Number value) { encoder_.number(raw(value)); }
  void write(const std::optional<Digest>& value) {
    write(value.has_value());
    if (value) write(*value);
  }

  Encoder encoder_;
};

// After the first field that is missing or impossible, finished() is false for good.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : decoder_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (read(fields), ...);
  }
  // True when every field was there and possible, and nothing follows them.
  bool finished() const { return possible_ && decoder_.finished(); }

 private:
  std::uint64_t number_up_to(std::uint64_t max) {
    const std::uint64_t value = decoder_.number();
    possible_ = possible_ && value <= max;
    return value;
  }
  void read(bool& value) { value = number_up_to(1) == 1; }
  void read(std::uint32_t& value) {
    value = static_cast<std::uint32_t>(number_up_to(std::numeric_limits<std::uint32_t>::max()));
  }
  void read(std::uint64_t& value) { value = decoder_.number(); }
  void read(TimeNs& value) { value = TimeNs{decoder_.signed_number()}; }
  void read(std::string& value) { value = decoder_.text(); }
  void read(Digest& value) { value = decoder_.digest(); }
  void read(Ownership& value) {
    (*this)(value.uid, value.gid, value.mode);
    possible_ = possible_ && value.mode <= 07777;
  }
  template <class Number>
  requires std::is_enum_v<Number>
  void read(Number& value) {
    using Raw = std::underlying_type_t<Number>;
    value = Number{static_cast<Raw>(number_up_to(std::numeric_limits<Raw>::max()))};
  }
  void read(std::optional<Digest>& value) {
    bool present = false;
    read(present);
    if (present) read(value.emplace());
  }

  Decoder decoder_;
  bool possible_ = true;
};

}  // namespace modelfs
