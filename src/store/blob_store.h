// The contract of the immutable bytes under the catalog. One suite (tests/store/blob_store_contract.h) is passed by
// every engine.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/digest.h"
#include "base/file.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// An open blob. Keeps its bytes although the blob is removed meanwhile. Safe for concurrent use.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual std::uint64_t size_bytes() const = 0;
  // Bytes that the engine's medium spends on the blob (holes are not counted).
  virtual std::uint64_t allocated_bytes() const = 0;
  // Short only at the end.
  virtual Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const = 0;
  // A read-only descriptor of a plain file that holds exactly the blob, where the engine has one. Valid as long as the
  // reader.
  virtual std::optional<int> descriptor() const = 0;
  // Whether read_at() of these bytes would wait for another host.
  virtual bool may_block(std::uint64_t offset_bytes, std::size_t count_bytes) const {
    static_cast<void>(offset_bytes);
    static_cast<void>(count_bytes);
    return false;
  }
};

// Blobs by SHA-256. Safe for concurrent use. It trusts the caller's digest: hashing the bytes is the caller's part.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // NotFound: no such blob. Corrupt: what lies there is no plain file.
  virtual Result<std::unique_ptr<BlobReader>> open(const Digest& digest) const = 0;
  // Takes over the finished file `name` in the directory `dir`, whose bytes are on disk (fsync) and hash to `digest`,
  // without copying where the engine can; the file itself stays where it is, and must not be written any more. A blob
  // of that digest is replaced, atomically, which is how one that is damaged becomes whole; who has that open reads
  // what it was, or what has taken its place. Durable only after sync(). NoSpace, IoError: the blob is as before.
  virtual Status adopt(const Digest& digest, int dir, const std::string& name) = 0;
  // Makes the names of all blobs adopted so far by the caller durable.
  virtual Status sync(const std::vector<Digest>& adopted) = 0;
  // An absent blob is Ok; open readers keep their bytes.
  virtual Status remove(const Digest& digest) = 0;
  // Calls `visit` with each blob and the time it was adopted or touched, in no order, until it returns false.
  virtual Status for_each(
      const std::function<bool(const Digest&, std::uint64_t size_bytes, TimeNs since)>& visit) const = 0;

  // Whether blobs can lie elsewhere too, and come here as they are read.
  virtual bool has_distant() const { return false; }
  // A blob that does not lie here, or lies here damaged, but elsewhere. Answers at once; the reader's bytes come while
  // they are read, checked, and the blob may be one of this store afterwards. NotFound: there is none elsewhere.
  // Unavailable: a moment ago it could not be had. Its reads answer the same, and Corrupt where wrong bytes came.
  virtual Result<std::unique_ptr<BlobReader>> open_distant(const Digest& digest) const {
    return Status(Code::NotFound, "no blob " + digest.hex());
  }
  // Somebody has opened it: its time in for_each() is now, about.
  virtual void touch(const Digest& digest) { static_cast<void>(digest); }
};

}  // namespace modelfs
