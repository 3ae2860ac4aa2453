// Makes archives byte by byte, good ones and bad ones. The helpers fill in what makes a valid archive; a test then
// spoils one thing.
#pragma once
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace modelfs {

inline std::string octal(std::uint64_t value, std::size_t width) {
  std::string text(width, '0');
  for (std::size_t i = width; i-- > 0; value >>= 3) text[i] = static_cast<char>('0' + (value & 7));
  return text;
}

inline std::string little(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value & 0xff);
  return text;
}

// One header of a tar. A field is written as it is given here.
struct TarHeader {
  std::string name{};
  char kind = '0';
  std::string link{};
  std::string mode = "0000644";
  std::string size = "00000000000";
  std::string mtime = octal(1'700'000'000, 11);
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
  std::string prefix{};
  std::string behind{};  // what lies at byte 345 on instead of the prefix (GNU's fields)

  std::string bytes() const {
    std::string block(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { text.copy(block.data() + at, text.size()); };
    put(0, name.substr(0, 100));
    put(100, mode);
    put(108, "0000000");
    put(116, "0000000");
    put(124, size);
    put(136, mtime);
    put(148, "        ");
    block[156] = kind;
    put(157, link.substr(0, 100));
    put(257, magic);
    put(345, prefix);
    if (!behind.empty()) put(345, behind);
    unsigned sum = 0;
    for (const char each : block) sum += static_cast<unsigned char>(each);
    put(148, octal(sum, 6) + '\0');
    return block;
  }
};

inline std::string flipped(std::string bytes, std::size_t at, int mask = 1) {
  bytes[at] = static_cast<char>(bytes[at] ^ mask);
  return bytes;
}

inline std::string tar_padded(std::string text) {
  text.resize((text.size() + 511) / 512 * 512, '\0');
  return text;
}
inline std::string tar_end() { return std::string(1024, '\0'); }

// A member with content. Its size is filled in.
inline std::string tar_member(TarHeader header, std::string_view content = {}) {
  if (!content.empty()) header.size = octal(content.size(), 11);
  return header.bytes() + tar_padded(std::string(content));
}
inline std::string tar_file(std::string_view name, std::string_view content = {}) {
  TarHeader header;
  header.name = name;
  return tar_member(header, content);
}
inline std::string tar_directory(std::string_view name) {
  TarHeader header;
  header.name = name;
  header.kind = '5';
  header.mode = "0000755";
  return header.bytes();
}
inline std::string tar_link(char kind, std::string_view name, std::string_view target) {
  TarHeader header;
  header.name = name;
  header.kind = kind;
  header.link = target;
  return header.bytes();
}
// "LENGTH KEY=VALUE\n", its length included.
inline std::string pax_record(std::string_view key, std::string_view value) {
  const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t length = rest.size();
  while (std::to_string(length).size() + rest.size() != length) length = std::to_string(length).size() + rest.size();
  return std::to_string(length) + rest;
}
inline std::string tar_pax(std::string_view records, char kind = 'x') {
  TarHeader header;
  header.name = "PaxHeaders/x";
  header.kind = kind;
  return tar_member(header, records);
}
// A name that is longer than a header's field, as GNU tar writes it; 'K' for a link's target.
inline std::string tar_long(char kind, std::string_view name) {
  TarHeader header;
  header.name = "././@LongLink";
  header.kind = kind;
  header.magic = "ustar  ";
  return tar_member(header, std::string(name) + '\0');
}

inline std::string deflated(std::string_view text, int window_bits, int level = 6) {
  z_stream stream{};
  ::deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}
inline std::string gzipped(std::string_view text, int level = 6) { return deflated(text, 15 + 16, level); }

inline std::string zstandard(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* const context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log != 0) ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  // Streamed, so that the frame has a window and not only its content's size.
  std::string out(::ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ::ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue);
  ::ZSTD_compressStream2(context, &to, &in, ZSTD_e_end);
  out.resize(to.pos);
  ::ZSTD_freeCCtx(context);
  return out;
}

}  // namespace modelfs
