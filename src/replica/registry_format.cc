#include "replica/registry_format.h"

#include <charconv>
#include <sstream>

#include "base/names.h"

namespace modelfs {
namespace {

constexpr std::string_view kFirstLine = "modelfs registry";

}  // namespace

std::string RegistryFormat::str() const {
  return std::string(kFirstLine) + "\nversion " + std::to_string(kVersion) + "\nid " + id + "\n";
}

Result<RegistryFormat> RegistryFormat::parse(const std::string& text, const std::string& address) {
  const std::string where = address + "/" + kName;
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kFirstLine) {
    return Status(Code::InvalidArgument, where + " belongs to another program; choose another prefix");
  }
  RegistryFormat format;
  std::uint64_t version = 0;
  while (std::getline(lines, line)) {
    const std::string_view view = line;
    if (view.starts_with("version ")) {
      std::from_chars(line.data() + 8, line.data() + line.size(), version);
    } else if (view.starts_with("id ")) {
      format.id = line.substr(3);
    } else {
      return Status(Code::Unsupported, where + " has a line that this modelfs does not know: use a newer one");
    }
  }
  if (version > kVersion) {
    return Status(Code::Unsupported, where + " says version " + std::to_string(version) + ": use a newer modelfs");
  }
  if (version != kVersion || format.id.empty()) return Status(Code::Corrupt, where + " is damaged");
  return format;
}

Result<RegistryFormat> read_registry_format(Remote& remote, Deadline deadline) {
  const auto text = get_whole(remote, RegistryFormat::kName, RegistryFormat::kBytesMax, deadline);
  if (text.code() == Code::NotFound) {
    return Status(Code::NotFound,
                  "no registry lies at " + remote.address() + "; `modelfs init " + remote.address() + "` makes one");
  }
  if (!text.ok()) return text.status();
  return RegistryFormat::parse(*text, remote.address());
}

Result<RegistryFormat> init_registry(Remote& remote, Deadline deadline, bool* is_new, const std::string& id) {
  if (is_new != nullptr) *is_new = false;
  auto there = read_registry_format(remote, deadline);
  if (there.code() != Code::NotFound) return there;
  RegistryFormat format;
  format.id = id.empty() ? make_model_id() : id;  // any UUID4
  const std::string text = format.str();
  // A lost answer is asked for again; whoever was first, what is read then is the registry.
  while (true) {
    const auto created = remote.put_if_absent(RegistryFormat::kName, bytes_of(text), deadline);
    if (!created.ok() && created.code() != Code::Unsettled) return created.status();
    if (created.ok()) break;
    if (std::chrono::steady_clock::now() >= deadline) return created.status();
  }
  there = read_registry_format(remote, deadline);
  if (is_new != nullptr) *is_new = there.ok() && there->id == format.id;
  return there;
}

}  // namespace modelfs
