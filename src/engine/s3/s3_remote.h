// The remote contract in a bucket of an S3-compatible server.
#pragma once
#include <memory>

#include "base/thread_pool.h"
#include "engine/s3/s3_client.h"
#include "store/remote.h"

namespace modelfs {

class S3Remote final : public Remote {
 public:
  // Larger objects are put in parts.
  static constexpr std::uint64_t kWholeBytesMax = 16 << 20;

  explicit S3Remote(S3Options options);

  std::string address() const override { return client_.options().where.str(); }
  Result<Created> put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) override;
  Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) override;
  Result<std::size_t> get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                          Deadline deadline) override;
  Status list(const std::string& prefix, const std::string& after,
              const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) override;
  Status remove(const std::string& name, Deadline deadline) override;
  Result<RemoteFacts> probe(Deadline deadline) override;

  std::uint64_t connections_opened() const { return client_.connections_opened(); }

 private:
  std::string key_of(const std::string& name) const;
  Result<std::size_t> get_piece(const std::string& name, std::uint64_t offset_bytes, ByteSpan into, Deadline deadline);
  Status failed(const std::string& name, const std::string& why) const;

  S3Client client_;
  ThreadPool part_threads_;
};

// Asks nobody. InvalidArgument: `http://` to another machine without S3Options::is_insecure. Starts threads, so it is
// called after the last fork.
Result<std::unique_ptr<Remote>> open_s3_remote(const S3Options& options);

}  // namespace modelfs
