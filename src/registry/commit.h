// One commit: from a frozen draft to a durable release or generation. Used once.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "catalog/records.h"
#include "registry/core.h"
#include "registry/garbage_collector.h"
#include "registry/package.h"
#include "registry/requests.h"

namespace modelfs {

// Registry::publish(). An event tells of a refusal.
Result<Published> commit_draft(RegistryCore& core, GarbageCollector& garbage, const PublishRequest& request);

// Takes away what a commit of `draft` had linked, which did not take place.
void undo_links(RegistryCore& core, Ino draft, const std::vector<Digest>& linked);

// The steps, in their order: freeze; refuse what can be refused; hash; manifests; blobs durable; one synchronous batch;
// tell. A failure undoes the links that this commit made; a crash leaves an intent, and the next start does the same. A
// commit that is Uncertain keeps them until the store can be asked (CommitDoubts).
class Commit {
 public:
  // How much a rename compares of what the store has already with what the draft has: two reads of each byte, mostly of
  // memory. By command all of it is compared.
  static constexpr std::uint64_t kRenameCompareBytesMax = 256ull << 20;

  Commit(RegistryCore& core, GarbageCollector& garbage, const PublishRequest& request)
      : core_(core), garbage_(garbage), request_(request) {}
  ~Commit();
  Commit(const Commit&) = delete;
  Commit& operator=(const Commit&) = delete;

  Result<Published> run();

 private:
  // A metadata document that a client put beside the draft, or gave with the request (then without a number).
  struct Given {
    Ino directory = kNoIno;
    std::string name;
    Ino ino = kNoIno;
    std::string bytes;
  };

  Status check_target();
  Result<bool> is_published_already();
  // What was published, or is, with the figures of all its parts.
  Published counted() const;
  Status read_given_metadata();
  // Denied: the publisher may not read all of it.
  Status check_readable() const;
  // What joins the draft, or makes place for it.
  Status take_along();
  // What a given document says, if that is free; else a new one.
  std::string choose_model_id(const Snapshot& stored) const;
  // Judges the version by the domain's policy, and sets that.
  Status check_policy(const Snapshot& stored, Batch& batch) const;
  Status take_numbers();  // of the faces of what is published
  Status store_blobs();
  // One file whose bytes become a blob.
  struct Piece {
    ContentHash hash;
    std::uint64_t size_bytes = 0;
    std::uint64_t allocated_bytes = 0;
    std::string host_name;     // in DraftStore::directory()
    std::string path;          // for messages
    bool is_borrowed = false;  // no host file has its bytes
  };
  std::vector<Piece> collect_pieces() const;
  Status store_small(const std::vector<const Piece*>& small);
  Status link_large(const std::vector<const Piece*>& large);
  void put_original(Ino container, Batch& batch) const;
  // Whether the store has these bytes; what is there is compared with the draft's as holds_piece() does.
  Result<bool> has_blob(const Piece& piece);
  // Whether a blob's file holds the bytes of the draft's. Inside a rename it is believed beyond kRenameCompareBytesMax.
  // Corrupt: the draft's are not those that were hashed.
  Result<bool> holds_piece(const BlobReader& blob, const Piece& piece);
  // AlreadyExists: the version was removed, and had other content.
  Status check_removed(const Snapshot& stored) const;
  // Whether the generations that came with `release` are those of the package.
  bool came_with(const Snapshot& stored, const ReleaseRecord& release) const;
  Status fill_release(const Snapshot& stored, DomainRecord& head, Batch& batch);
  Status fill_generation(const Snapshot& stored, DomainRecord& head, Batch& batch);
  void put_container(const PackagePart& part, const ReleaseRecord& release, Ino ino, Batch& batch) const;
  void put_generation(const PackagePart& part, const ReleaseRecord& release, Generation number,
                      const DomainRecord& head, Batch& batch);
  std::string describe(const PackagePart& part, const ReleaseRecord& release, Generation number,
                       Sequence sequence) const;
  Status fill_common(const DomainRecord& head, Batch& batch);
  // What is to be done when a commit that was Uncertain is known. Until then nobody can change the draft.
  std::function<void(bool)> when_known();

  const Target& target() const { return request_.target; }
  Status refused(Code code, const std::string& why) const { return {code, target().str() + ": " + why}; }

  RegistryCore& core_;
  GarbageCollector& garbage_;  // has what is left of the draft swept
  const PublishRequest& request_;
  std::shared_ptr<FrozenDraft> draft_;
  Package package_;
  std::optional<Given> given_;
  std::unique_ptr<BlobPins::Pin> pin_;
  std::uint64_t may_compare_bytes_ = kRenameCompareBytesMax;
  std::vector<Digest> linked_;
  std::vector<std::pair<Digest, BlobRecord>> large_records_;
  std::string model_id_;
  Ino faces_ = kNoIno;
  Ino grown_ = kNoIno;  // the release that gets a generation
  std::vector<Ino> generation_faces_;
  std::string program_;
  Published published_;
  std::shared_ptr<Published> uncertain_;  // for when_known(): as it goes into the batch
  HistoryRecord deed_;
  bool committed_ = false;  // or may be
};

}  // namespace modelfs
