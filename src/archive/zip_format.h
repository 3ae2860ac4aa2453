// The fixed sizes and signatures of a zip's records. Source: PKWARE APPNOTE.TXT 6.3.10, section 4.3.
#pragma once
#include <cstdint>

namespace modelfs {

inline constexpr std::uint32_t kZipLocalSignature = 0x04034b50;
inline constexpr std::uint32_t kZipDescriptorSignature = 0x08074b50;
inline constexpr std::uint32_t kZipEntrySignature = 0x02014b50;  // of the central directory
inline constexpr std::uint32_t kZipEndSignature = 0x06054b50;
inline constexpr std::uint32_t kZip64EndSignature = 0x06064b50;
inline constexpr std::uint32_t kZip64LocatorSignature = 0x07064b50;

// Without names, extra fields and comments.
inline constexpr std::uint32_t kZipLocalBytes = 30;
inline constexpr std::uint32_t kZipEntryBytes = 46;
inline constexpr std::uint32_t kZipEndBytes = 22;
inline constexpr std::uint32_t kZip64EndBytes = 56;
inline constexpr std::uint32_t kZip64LocatorBytes = 20;
inline constexpr std::uint32_t kZipCommentBytesMax = 0xffff;

// General purpose flags.
inline constexpr std::uint16_t kZipDescriptor = 1 << 3;  // sums and sizes follow the content
inline constexpr std::uint16_t kZipUtf8 = 1 << 11;

// The id of the extra field with the numbers of 64 bits.
inline constexpr std::uint16_t kZip64Extra = 0x0001;

}  // namespace modelfs
