// What S3 and STS answer in XML.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace modelfs {

// No answer of ours is larger: 1,000 names of at most 1,024 bytes, each of them escaped.
inline constexpr std::size_t kXmlBytesMax = 8 << 20;

// An <Error>, of which only what may be shown is read: other elements of it repeat what was signed.
struct S3Error {
  std::string code;     // "NoSuchKey"; empty: the answer was no such document
  std::string message;  // one line, at most 300 bytes
  std::string region;   // of AuthorizationHeaderMalformed: the one that the bucket is in
};
S3Error parse_s3_error(std::string_view xml);

struct S3Listing {
  struct Object {
    std::string key;
    std::uint64_t size_bytes = 0;
    std::string last_modified;  // "2026-12-01T14:20:41.000Z"
  };
  std::vector<Object> objects;
  bool is_truncated = false;
};
// IoError: it is no ListBucketResult.
Result<S3Listing> parse_listing(std::string_view xml);

// The text of the element at `path`, "InitiateMultipartUploadResult/UploadId". IoError: there is none.
Result<std::string> xml_text(std::string_view xml, std::string_view path);

// The name of the outermost element; empty: it is no XML.
std::string xml_root(std::string_view xml);

// What is sent to complete an upload: the parts' ETags, in order.
std::string complete_upload_xml(const std::vector<std::string>& etags);

}  // namespace modelfs
