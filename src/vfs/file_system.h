// The POSIX behaviour of a mount: committed things below, drafts above, every request by node number.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/prometheus_writer.h"
#include "base/status.h"
#include "base/types.h"
#include "ingest/ingest.h"
#include "layout/layouts.h"
#include "registry/registry.h"
#include "vfs/kernel_reads.h"

namespace modelfs {

// The answer to a look-up. The kernel holds one more reference to the node until forget().
struct Entry {
  Attributes attributes;
  Ino node = kNoIno;  // what the kernel is to call it, if not attributes.ino
  Ino key() const { return node == kNoIno ? attributes.ino : node; }
  std::uint64_t life = 0;  // of its number: with another one the kernel takes it for another directory (see StageLives)
  double name_valid_seconds = 0;  // 0 for names that can be bound to something else without the kernel's being told
};

enum class Handle : std::uint64_t {};

struct Opened {
  Handle handle{};
  bool keeps_cache = false;      // the kernel's pages of an earlier open are still right
  bool direct = false;           // the kernel keeps no pages: the text was made for this handle, or it is being written
  bool flushes = false;          // a close of this handle has something to say
  Backing backing = kNoBacking;  // what the kernel reads by itself; then neither keeps_cache nor direct
};

struct OpenedDirectory {
  Handle handle{};
  bool keeps_listing = false;  // the names in it never change, so the kernel may answer later listings by itself
};

struct ListedName {
  std::string_view name;
  Ino ino = kNoIno;
  FileType type = FileType::Regular;
  std::uint64_t next_offset = 0;  // where a listing that goes on after this name begins
};

// Setattr. `handle`: of an open file, if the request came through one.
struct Change {
  DraftChange values;
  std::optional<Handle> handle;
};

struct SpaceFigures {  // statvfs of the disk below
  std::uint64_t block_bytes = 4096, blocks = 0, blocks_free = 0, blocks_available = 0, files = 0, files_free = 0;
};

// What the kernel has cached and must be told about. Called without any lock held.
class KernelCache {
 public:
  virtual ~KernelCache() = default;
  virtual void invalidate_attributes(Ino ino) = 0;
  // The name leads elsewhere. Waits for requests that change names in `directory`: not for one of these.
  virtual void invalidate_entry(Ino directory, const std::string& name) = 0;
  // The same for a request of the kernel, which must not wait for others: begun, and done behind its back.
  enum class Wait {
    None,     // for a request that itself changes names in `directory`
    Briefly,  // most often it is done when this returns
  };
  virtual void invalidate_entry_later(Ino directory, const std::string& name, Wait wait) = 0;
};

enum class RenameFlag { Replace, NoReplace, Exchange };

// Safe for concurrent use. Methods that may take long (they hash, sync or wait) say so: the caller runs them on a
// thread that answers no other request. Statuses from drafts carry the host's errno.
class FileSystem {
 public:
  struct Options {
    bool read_only = false;
    std::string mount_point;  // for documents that say where a release is stored
    // How programs that live elsewhere (in a container, say) name the mount point, in documents; empty: as we do.
    std::string client_root = {};
    std::string store_path;
    uid_t owner_uid = 0;  // of the mount: owns the root and /.modelfs
    gid_t owner_gid = 0;
    KernelReads* kernel_reads = nullptr;  // null: the daemon serves all bytes. Outlives the file system.
    // Whether the process of a request was killed, so that nobody waits for its answer; asked while it takes long.
    std::function<bool(pid_t)> is_killed = [](pid_t) { return false; };
    // What the kernel has asked for since the mount, by kind: for status.json.
    std::function<std::vector<std::pair<std::string, std::uint64_t>>()> request_counts = {};
    // A JSON object about the registry of many hosts that the store follows, for status.json; empty: it is one of its
    // own.
    std::function<std::string()> describe_registry = {};
    // Whether a commit waits for something beyond this machine.
    bool commits_wait = false;
    // All that is known of requests: for metrics.
    std::function<void(PrometheusWriter&)> describe_requests = {};
  };

  // All but the options outlive it.
  FileSystem(Registry& registry, Ingest& ingest, KernelCache& kernel, Layouts layouts, Options options);
  ~FileSystem();

  // Names.
  // True when making a name in `directory` would wait for what a commit has left there, or is a commit that waits: then
  // mkdir, symlink, mknod, link and create may take long.
  bool may_block_create(Ino directory) const;
  // True when removing a name from `directory`, or changing an attribute of it, is a commit that waits.
  bool may_block_commit(Ino directory) const;
  Result<Entry> lookup(const Credentials& who, Ino parent, std::string_view name);
  void forget(Ino ino, std::uint64_t references);
  Result<Entry> make_directory(const Credentials& who, Ino parent, std::string_view name, std::uint32_t mode);
  Result<Entry> make_symlink(const Credentials& who, Ino parent, std::string_view name, std::string_view target);
  // A regular file that is not opened (mknod). Fifos, devices and sockets are refused by the caller with NotPermitted.
  Result<Entry> make_file(const Credentials& who, Ino parent, std::string_view name, std::uint32_t mode);
  Result<Entry> link(const Credentials& who, Ino ino, Ino new_parent, std::string_view new_name);
  Status unlink(const Credentials& who, Ino parent, std::string_view name);
  Status remove_directory(const Credentials& who, Ino parent, std::string_view name);
  // May take long: this is where a draft is committed.
  Status rename(const Credentials& who, Ino parent, std::string_view name, Ino new_parent, std::string_view new_name,
                RenameFlag flag);

  // Attributes.
  Result<Attributes> stat(const Credentials& who, Ino ino);
  // True when setattr() may take long.
  bool may_block_setattr(Ino ino, const Change& change);
  // May take long when it sets a size.
  Result<Attributes> setattr(const Credentials& who, Ino ino, const Change& change);
  Result<std::string> read_link(Ino ino);
  Result<std::string> getxattr(const Credentials& who, Ino ino, std::string_view name);
  Result<std::vector<std::string>> listxattr(Ino ino);
  // May take long: user.modelfs.commit commits.
  Status setxattr(const Credentials& who, Ino ino, std::string_view name, std::string_view value, AttributeMode mode);
  Status removexattr(const Credentials& who, Ino ino, std::string_view name);

  // Files. `flags` are open(2)'s. open may take long when it writes, and where may_block_open().
  bool may_block_open(Ino ino) const;
  Result<Opened> open(const Credentials& who, Ino ino, int flags);
  struct Created {
    Entry entry;
    Opened opened;
  };
  Result<Created> create(const Credentials& who, Ino parent, std::string_view name, std::uint32_t mode, int flags);
  Result<std::size_t> read(Handle handle, std::uint64_t offset_bytes, ByteSpan into);
  // The same, but parts of `into` may be left as they are; `lent` says what stands there.
  Result<std::size_t> read(Handle handle, std::uint64_t offset_bytes, ByteSpan into, MappedSpans& lent);
  // True when read() may take long: the bytes have to come from another host.
  bool may_block_read(Handle handle, std::uint64_t offset_bytes, std::size_t count_bytes) const;
  // What anybody but root writes takes the file's set-user-ID and set-group-ID bits away.
  Result<std::size_t> write(const Credentials& who, Handle handle, std::uint64_t offset_bytes, ByteView bytes);
  // True when write() and allocate() may take long.
  bool may_block_write(Handle handle) const;
  // copy_file_range(2): how many bytes were copied; fewer than asked for where more would take too long. A file of a
  // release that is copied from its start into an empty draft moves no byte. May take long.
  Result<std::size_t> copy(Handle from, std::uint64_t from_bytes, Handle to, std::uint64_t to_bytes,
                           std::uint64_t count_bytes);
  // One close(2). May take long: this is where an archive is unpacked and published.
  Status flush(const Credentials& who, Handle handle);
  // True when it may, or needs to know the groups of `who`.
  bool may_block_flush(Handle handle) const;
  // The last close.
  void release(Handle handle);
  // May take long.
  Status sync(Handle handle);
  Status sync_directory(Handle handle);
  Status allocate(Handle handle, int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes);
  // SEEK_DATA, SEEK_HOLE.
  Result<std::uint64_t> seek(Handle handle, std::uint64_t offset_bytes, int whence);

  // Directories. A listing is made when it is opened, and anew when it is read from offset 0: each name that stays is
  // in it exactly once, whatever is committed meanwhile.
  Result<OpenedDirectory> open_directory(const Credentials& who, Ino ino);
  // Calls `visit` for names from `offset` on, until it returns false.
  Status list(Handle handle, std::uint64_t offset, const std::function<bool(const ListedName&)>& visit);
  void release_directory(Handle handle);

  Result<SpaceFigures> space();

  // A draft was published by somebody who did not come through this mount: its nodes become committed ones.
  void published(const Published& published);
  // The directories' numbers of the releases and generations of which a file, archive or document is open.
  std::vector<Ino> open_containers() const;
  // The owner or mode of a domain changed elsewhere.
  void domain_changed(const DomainName& domain);
  // Something in `directory` was moved to another directory by somebody who did not come through this mount. Not to be
  // called by a request of the kernel.
  void moved_away(Ino directory, const std::string& name);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelfs
