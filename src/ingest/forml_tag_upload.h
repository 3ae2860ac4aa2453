// ForML's way to a generation: states are moved into a draft directory, and the close of its tag.toml publishes them.
#pragma once
#include <array>
#include <functional>
#include <string>
#include <unordered_set>

#include "base/mutex.h"
#include "registry/registry.h"

namespace modelfs {

// A tag.toml, in a draft file, that is to make a generation of the draft directory that it was written into.
struct TagRequest {
  Ino file = kNoIno;
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  Ino draft = kNoIno;    // the directory with the states
  Ino release = kNoIno;  // the release's directory, where the draft is named
  std::string draft_name;
  Target target;
  Credentials who;
  std::function<void(const Published&)> on_published;
};

// Safe for concurrent use.
class FormlTagUploads {
 public:
  // `registry` outlives it.
  explicit FormlTagUploads(Registry& registry) : registry_(registry) {}

  // Publishes a generation of exactly the states that a tag names, and the tag; other files of the draft go (back) to
  // the release's `.stage`. Malformed: it is no tag. NotFound: a state is not there; names it. Others as
  // Registry::publish(). The tag's file is kept unless this succeeds.
  Result<Published> publish(const TagRequest& request);

 private:
  Status unstage_others(const TagRequest& request, std::unordered_set<std::string> wanted);

  Registry& registry_;
  // One tag at a time for a draft, which trainers may share: else two would each send the other's states away. Taken
  // before all other locks.
  std::array<Mutex, 16> mutexes_;
};

}  // namespace modelfs
