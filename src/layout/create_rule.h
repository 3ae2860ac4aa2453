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
    Upload,      // a file here is an upload: see `upload`
    Shown,       // a directory here is one of the layout's own, which shows once it is made: its number is `directory`
    Refused,     // see `refusal`
  };
  // What the close of an upload publishes or changes. Interpreted by the room ingest.
  enum class Upload : std::uint8_t {
    Archive,         // the release or generation that it holds
    Package,         // likewise: it lies in a draft directory under the release's name, which it replaces
    Tag,             // the directory that it lies in, as a generation
    Model,           // a metadata document: the archive that it names
    State,           // a copy of one: the release is put into the state that the directory stands for
    Copy,            // a copy of one that is known: its close checks that, and keeps nothing
    ReplaceOnClose,  // nothing: it is a draft, which takes its place when it is closed
  };
  Kind kind = Kind::Draft;
  Upload upload = Upload::Archive;
  std::optional<Generation> number;  // Generation, Upload of one; empty: next
  bool is_generation = false;        // Upload
  std::string stem, suffix;          // Upload: the name without its suffix, and that
  // Upload: where it will be published, if that is not the directory itself: a file in a draft directory that lies
  // under the name `stem` in this place.
  std::optional<Node> place;
  // Upload of a Model, State or Copy: the domain that it is about (empty: of all), the directory in which the paths in
  // it begin, and that directory's own path beneath the mount point.
  std::string domain, base_path;
  Ino base = kNoIno;
  Ino directory = kNoIno;  // Shown
  Status refusal;
  // Refused: what a directory that is moved here hears instead. Ok: the same.
  Status refusal_of_moved_directory;

  // Of an Upload: what it holds or stands for becomes a release or generation.
  bool publishes() const { return upload == Upload::Archive || upload == Upload::Package || upload == Upload::Tag; }

  static CreateRule of(Kind kind) {
    CreateRule rule;
    rule.kind = kind;
    return rule;
  }
  static CreateRule of(Upload upload) {
    CreateRule rule = of(Kind::Upload);
    rule.upload = upload;
    return rule;
  }
  static CreateRule refused(Status status) {
    CreateRule rule = of(Kind::Refused);
    rule.refusal = std::move(status);
    return rule;
  }
  static CreateRule refused(Code code, std::string reason) { return refused(Status(code, std::move(reason))); }
};

}  // namespace modelfs
