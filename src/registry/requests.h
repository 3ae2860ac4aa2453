// What is asked of the registry and what comes of it: targets, requests to publish, what was published.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "catalog/manifest.h"
#include "registry/access.h"

namespace modelfs {

class SealedFile;

// What a draft is to become: a release of a domain, or a generation of one.
struct Target {
  DomainName domain;
  VersionName version;
  bool is_generation = false;
  std::optional<Generation> number;  // generations: exactly this one; empty: the next

  // "churn/1.2.0", "churn/1.2.0/next", "churn/1.2.0/4".
  std::string str() const;
  // From such a path. InvalidArgument or the name's own code: the message says what a target looks like.
  static Result<Target> parse(std::string_view path);
};

// A committed release or generation.
struct Published {
  std::string domain;
  std::string version;
  Generation generation{};  // 0: a release
  Sequence sequence{};
  std::string model_id;  // of the release
  Digest digest;
  // Of it and of the generations that came with it.
  std::uint64_t file_count = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t generation_count = 0;  // that came with it
  bool already = false;                // identical content was there before; nothing was committed
  // What was committed, with its directory's number: the release, then its generations.
  std::vector<std::pair<Ino, std::shared_ptr<const Manifest>>> containers;
};

enum class HashBudget {
  Short,  // inside a rename: hashes at most kRenameHashBytesMax, else Busy, and the hashes go on behind
  Full,   // by command: hashes what is needed
};
inline constexpr std::uint64_t kRenameHashBytesMax = 64ull << 20;

// An archive that is published together with what was unpacked from it.
struct ArchiveOriginal {
  SealedFile& file;
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  std::string suffix;  // ".tar.gz"
};

// A file that says that a draft is complete and is published in it.
struct DraftMarker {
  SealedFile& file;
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  std::string as;  // its name in what is published
  // What else lies at the top of the draft, exactly; anything more or less is a Conflict.
  std::unordered_set<std::string> beside;
};

// Where the archive or file that a release came as is shown in its client's layout from now on.
struct UploadPlacement {
  Ino directory = kNoIno;  // a draft directory
  std::string name;
  std::string path;  // of the directory, beneath the mount point
};

// A draft symlink under its name.
struct DraftLink {
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  Ino ino = kNoIno;
};

struct PublishRequest {
  Ino draft = kNoIno;      // the draft directory
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  Target target;
  Credentials who;
  HashBudget budget = HashBudget::Full;
  // Called once it is committed and before anybody can touch the draft's nodes again. Of a commit that was Uncertain
  // and took place: on another thread, when that is known.
  std::function<void(const Published&)> on_published;
  ArchiveOriginal* original = nullptr;  // what the draft was unpacked from, if it was
  DraftMarker* marker = nullptr;
  // The draft directory under the version's own name, which the release takes the place of. NotEmpty: it holds more
  // than the draft itself and an empty `.stage`.
  Ino beneath = kNoIno;
  // From now on the versions of the domain are PEP 440's, each higher than all before.
  bool orders_versions = false;
  // What of the mode of the draft's own directory counts: all of it (07777) only where it does not lie in place.
  std::uint32_t mode_mask = kInPlaceModeMask;
  // The metadata document, if it is given and does not lie beside the draft.
  std::optional<std::string> metadata = std::nullopt;
  std::optional<UploadPlacement> placement = std::nullopt;  // of `original`, or else of `marker`
  // A version that was removed may come back with other content, as modelstore has it.
  bool replaces_removed = false;
};

}  // namespace modelfs
