#include "cli/sender.h"

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "control/copy_content.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

// Files up to this size are sent as bytes: one more descriptor costs more than copying them.
constexpr std::uint64_t kInlineBytesMax = 64 * 1024;
// A message is sent when it holds this much; together far below kFrameBytesMax.
constexpr std::uint64_t kBatchBytesMax = 1ull << 20;
constexpr std::uint64_t kBatchNamesBytesMax = 256 * 1024;
constexpr std::size_t kBatchDescriptorsMax = 32;
// A control character in a name becomes six bytes of JSON.
constexpr std::uint64_t kEscapeGrowth = 6;
constexpr std::uint64_t kEntryBytes = 256;  // of JSON around a name

Status changed(const SourceEntry& entry) {
  return {Code::Busy, printable(entry.path) + ": changed while it was read; publish it when no process writes to it"};
}

bool is_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

}  // namespace

Status Sender::send_all() {
  for (std::size_t number = 1; number < tree_.entries.size(); ++number) {
    if (Status status = add(tree_.entries[number]); !status.ok()) return status;
  }
  return flush();
}

Status Sender::add(const SourceEntry& entry) {
  Json announced{{"in", entry.in}, {"name", entry.name}};
  names_bytes_ += kEntryBytes + kEscapeGrowth * (entry.name.size() + entry.target.size());
  if (entry.same_file_as) {
    announced["type"] = "hardlink";
    announced["to"] = *entry.same_file_as;
  } else {
    announced["mtime_ns"] = raw(entry.mtime);
    if (entry.type != FileType::Symlink) announced["mode"] = entry.mode;
    if (entry.type == FileType::Directory) announced["type"] = "directory";
    if (entry.type == FileType::Symlink) {
      announced["type"] = "symlink";
      announced["target"] = entry.target;
    }
  }
  if (entry.type == FileType::Regular && !entry.same_file_as) return add_file(entry, announced);
  batch_.body["entries"].push_back(std::move(announced));
  return names_bytes_ < kBatchNamesBytesMax ? Status() : flush();
}

Status Sender::add_file(const SourceEntry& entry, Json& announced) {
  auto file = open_in_tree(tree_, entry);
  if (!file.ok()) return file.status();
  announced["type"] = "file";
  announced["size"] = entry.size_bytes;
  if (entry.size_bytes <= kInlineBytesMax) {
    announced["content"] = "bytes";
    // One byte more than announced, to see that the file has grown.
    std::string bytes(entry.size_bytes + 1, '\0');
    const auto got = read_at(file->fd(), 0, ByteSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
    if (!got.ok()) return Status(got.code(), printable(entry.path) + ": " + got.status().message());
    if (*got != entry.size_bytes) return changed(entry);
    batch_.bytes.append(bytes, 0, entry.size_bytes);
  } else if (is_on_fuse(file->fd())) {
    announced["content"] = "chunks";
    batch_.body["entries"].push_back(std::move(announced));
    if (Status status = flush(); !status.ok()) return status;
    return send_chunks(entry, *file);
  } else {
    announced["content"] = "descriptor";
    batch_.descriptors.push_back(*std::move(file));
  }
  batch_.body["entries"].push_back(std::move(announced));
  batch_bytes_ += entry.size_bytes;
  const bool full = batch_bytes_ >= kBatchBytesMax || names_bytes_ >= kBatchNamesBytesMax ||
                    batch_.descriptors.size() >= kBatchDescriptorsMax;
  return full ? flush() : Status();
}

Status Sender::flush() {
  if (!batch_.body.contains("entries")) return {};
  Message message = std::exchange(batch_, Message());
  message.body["verb"] = "put.entries";
  names_bytes_ = 0;
  const auto answer = channel_.call(std::move(message), [&](Message part) {
    return on_bytes_(sent_bytes_ + part.body.at("progress").value("done_bytes", std::uint64_t{0}));
  });
  if (!answer.ok()) return answer.status();
  sent_bytes_ += std::exchange(batch_bytes_, 0);
  return on_bytes_(sent_bytes_);
}

Status Sender::send_chunks(const SourceEntry& entry, const File& file) {
  std::string buffer(kBatchBytesMax, '\0');
  for (std::uint64_t offset = 0; offset < entry.size_bytes;) {
    const auto got = read_at(file.fd(), offset, ByteSpan(reinterpret_cast<std::byte*>(buffer.data()), buffer.size()));
    if (!got.ok()) return Status(got.code(), printable(entry.path) + ": " + got.status().message());
    if (*got == 0 || *got > entry.size_bytes - offset) return changed(entry);
    const auto bytes = std::string_view(buffer).substr(0, *got);
    // What is left out stays a hole.
    if (!is_zero(bytes)) {
      Message message = Channel::request("put.data", {{"offset", offset}});
      message.bytes = bytes;
      if (const auto answer = channel_.call(std::move(message)); !answer.ok()) return answer.status();
    }
    offset += *got;
    if (Status status = on_bytes_(sent_bytes_ + offset); !status.ok()) return status;
  }
  sent_bytes_ += entry.size_bytes;
  return channel_.call(Channel::request("put.data", {{"last", true}})).status();
}

}  // namespace modelfs
