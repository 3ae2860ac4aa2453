#include "store/store_format.h"

#include <sstream>

#include "base/names.h"

namespace modelfs {
namespace {

constexpr std::string_view kMagic = "modelfs store";

Status check_known(std::uint64_t version, const std::string& path) {
  if (version >= kOldestStoreVersion && version <= kStoreVersion) return {};
  return {Code::Unsupported, path + " is a store of version " + std::to_string(version) +
                                 ", and this modelfs supports version " + std::to_string(kStoreVersion) +
                                 (version > kStoreVersion ? ": use the modelfs that wrote it, or a newer one"
                                                          : ": there never was such a version")};
}

}  // namespace

std::string StoreFormat::str() const {
  std::string text(kMagic);
  text += "\nversion " + std::to_string(version) + "\nid " + id + "\n";
  if (!follows.empty()) text += "follows " + follows + "\n";
  if (upgrading_from != 0) text += "upgrading from " + std::to_string(upgrading_from) + "\n";
  return text;
}

Result<StoreFormat> StoreFormat::parse(const std::string& text, const std::string& path) {
  std::istringstream lines(text);
  std::string magic;
  std::string word;
  StoreFormat format;
  if (!std::getline(lines, magic) || magic != kMagic) {
    return Status(Code::InvalidArgument, path + " is not a modelfs store: its file FORMAT belongs to something else");
  }
  const Status damaged(Code::Corrupt, path + "/FORMAT is damaged; restore it from a copy");
  if (!(lines >> word >> format.version) || word != "version") return damaged;
  if (Status status = check_known(format.version, path); !status.ok()) return status;
  if (!(lines >> word >> format.id) || word != "id") return damaged;
  if (!(lines >> word)) return format;
  if (word == "follows") {
    if (!std::getline(lines >> std::ws, format.follows) || format.follows.empty()) return damaged;
    if (!(lines >> word)) return format;
  }
  std::string from;
  // Why not damaged: so a later modelfs may say that whoever opens the store has to know more than its version.
  if (word != "upgrading") {
    return Status(Code::Unsupported,
                  path + "/FORMAT says '" + printable(word) +
                      "', which this modelfs does not know: use the modelfs that wrote it, or a newer one");
  }
  if (!(lines >> from >> format.upgrading_from) || from != "from") return damaged;
  if (format.upgrading_from < kOldestStoreVersion || format.upgrading_from >= format.version) return damaged;
  return format;
}

}  // namespace modelfs
