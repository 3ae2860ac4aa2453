// What making or moving something to a name would mean.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "base/types.h"
#include "layout/node.h"

namespace modelfs {

struct CreateRule {
  enum class Kind : std::uint8_t {
    Draft,       // an ordinary draft name
    Domain,      // a directory here is a domain
    Release,     // a directory here is the draft of a release; a draft moved here is committed as it
    Generation,  // likewise of a generation
    Label,       // a symlink here is a label
    Archive,     // a file here is an upload: its close publishes the release or generation that it holds
    Tag,         // a file here is an upload: its close publishes the directory that it lies in as a generation
    Model,       // likewise: a metadata document, whose close publishes the archive that it names
    State,       // likewise: a copy of one, whose close puts the release into the state that the directory stands for
    Copy,        // likewise: a copy of one that is known; its close checks that, and keeps nothing
    Versions,    // a directory here is the one for documents of models, which shows once it is made
    ReplaceOnClose,       // a file here is an upload until its close; then a draft
    Refused,     // see `refusal`
  };
  Kind kind = Kind::Draft;
  std::optional<Generation> number;  // Generation, Archive of one; empty: next
  bool is_generation = false;        // Archive
  std::string stem, suffix;          // Archive, Model, State: the name without its suffix, and that
  // Where it will be published, if that is not the directory itself: a file in a draft directory that lies under the
  // name `stem` in this place.
  std::optional<Node> place;
  Status refusal;
};

}  // namespace modelfs
