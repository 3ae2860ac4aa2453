// Blobs as plain files, so that the kernel can read them without us: `blobs/ab/<64 hexadecimal digits>`, mode 0400.
#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "base/file.h"
#include "store/blob_store.h"

namespace modelfs {

class FileBlobs final : public BlobStore {
 public:
  // Creates what is missing of `blobs` and its 256 directories in `store`, and removes what interrupted adoptions left.
  static Result<std::unique_ptr<FileBlobs>> open(const File& store);
  // The same without writing anything. NotFound: there is no `blobs`.
  static Result<std::unique_ptr<FileBlobs>> open_for_reading(const File& store);

  Result<std::unique_ptr<BlobReader>> open(const Digest& digest) const override;
  // Copies only where a link is impossible: from another file system, or above its maximum of links to one file.
  // The blob and the adopted file are one inode: it becomes read-only for its owner too.
  Status adopt(const Digest& digest, int dir, const std::string& name) override;
  Status sync(const std::vector<Digest>& adopted) override;
  Status remove(const Digest& digest) override;
  // `since` is the inode's change time: the adoption, or later, when the adopted file's own name was removed.
  // Files that are not blobs are skipped.
  Status for_each(
      const std::function<bool(const Digest&, std::uint64_t size_bytes, TimeNs since)>& visit) const override;

 private:
  explicit FileBlobs(File blobs) : blobs_(std::move(blobs)) {}
  std::string next_temporary();
  // Makes the file `name` of `dir` available under the name `temporary`, by a link or a durable copy.
  Status bring(int dir, const std::string& name, const std::string& temporary) const;
  Status copy(int dir, const std::string& name, const std::string& temporary) const;
  Status replace(int dir, const std::string& name, const std::string& path);

  const File blobs_;
  std::atomic<std::uint64_t> temporaries_ = 0;
};

}  // namespace modelfs
