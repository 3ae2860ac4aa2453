#include <fcntl.h>

#include <filesystem>
#include <map>
#include <utility>

#include "archive/archive_format.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/names.h"
#include "cli/export_job.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "formats/forml_package.h"
#include "formats/forml_tag.h"
#include "formats/pep440.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kPackageName = "package.4ml";
constexpr std::int64_t kSecondNs = 1'000'000'000;

std::string member_text(const Json& document, const char* key) { return document.value(key, std::string()); }

Result<std::string> digest_of_file(const fs::path& path) {
  const auto file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file.ok()) return file.status();
  Hasher hasher;
  std::string buffer(1 << 20, '\0');
  for (std::uint64_t offset = 0;;) {
    const auto got = read_at(file->fd(), offset, std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
    if (!got.ok()) return got.status();
    if (*got == 0) break;
    hasher.add(bytes_of(std::string_view(buffer).substr(0, *got)));
    offset += *got;
  }
  return "sha256:" + hasher.finish().digest.hex();
}

// What a name in a tree is: "directory", "symlink -> a", or a file by its digest.
Result<std::string> describe(const fs::directory_entry& entry) {
  std::error_code error;
  const fs::file_status status = entry.symlink_status(error);
  if (fs::is_directory(status)) return std::string("directory");
  if (fs::is_symlink(status)) return "symlink -> " + fs::read_symlink(entry.path(), error).native();
  if (fs::is_regular_file(status)) return digest_of_file(entry.path());
  return std::string("something else");
}
std::string describe(const Json& item) {
  const std::string type = member_text(item, "type");
  if (type == "symlink") return "symlink -> " + member_text(item, "target");
  return type == "directory" ? type : member_text(item, "digest");
}

class ProjectExport {
 public:
  ProjectExport(ExportJob& job, std::string project) : job_(job), project_(std::move(project)) {}

  Status run() {
    const auto releases = job_.list("releases", project_);
    if (!releases.ok()) return job_.leave_or_end(project_, releases.status());
    // The oldest first.
    for (auto release = releases->rbegin(); release != releases->rend(); ++release) {
      const std::string path = project_ + "/" + member_text(*release, "version");
      Status status = add(*release, path);
      if (!status.ok()) status = job_.leave_or_end(path, status);
      if (!status.ok()) return status;
      for (const Json& label : release->value("labels", Json::array())) {
        job_.leave(project_ + "/" + label.get<std::string>(), "a label; ForML has none");
      }
    }
    const auto states = job_.list("states", project_);
    if (!states.ok()) return job_.leave_or_end(project_, states.status());
    for (const Json& each : *states) {
      job_.leave(project_ + "/" + member_text(each, "version") + " in the state " + member_text(each, "state"),
                 "a state; ForML has none");
    }
    return job_.leave_removed(project_);
  }

 private:
  Status add(const Json& release, const std::string& path) {
    const std::string version = member_text(release, "version");
    const auto parsed = Pep440::parse(version);
    if (!parsed || parsed->str() != version) {
      job_.leave(path, "ForML would not open its version: it is not a normalised PEP 440 version");
      return {};
    }
    const ExportPath package{project_, version, kPackageName};
    const auto kept = write_package(release, path, package);
    if (kept.code() == Code::NotFound) {
      job_.leave(path, "not a package of ForML: it has no __4ml__.py");
      return {};
    }
    if (!kept.ok()) return kept.status();
    job_.add(path, package, *kept);
    if (*kept == Kept::Different) return {};
    const auto count = release.at("generations").get<std::uint64_t>();
    for (std::uint64_t number = 1; number <= count; ++number) {
      const std::string generation = path + "/" + std::to_string(number);
      Status status = add_generation(generation, {project_, version, std::to_string(number)});
      if (!status.ok()) status = job_.leave_or_end(generation, status);
      if (!status.ok()) return status;
    }
    return {};
  }

  // NotFound: it is none.
  Result<Kept> write_package(const Json& release, const std::string& path, const ExportPath& package) {
    const std::string suffix = member_text(release, "archive");
    const auto manifest = job_.list("files", path + "/" + std::string(kPackageManifestName));
    if (!manifest.ok() && (manifest.code() != Code::NotFound || suffix != ".4ml")) return manifest.status();
    if (format_of_suffix(suffix) != ArchiveFormat::Zip) return write_tree(path, package);
    const auto bytes = job_.archive(path, suffix);
    if (!bytes.ok()) return bytes.status();
    return job_.into().write(package, *bytes);
  }

  Status add_generation(const std::string& path, const ExportPath& directory) {
    const auto shown = job_.channel().call(Channel::request("show", {{"path", path}}));
    if (!shown.ok()) return shown.status();
    auto kept = write_tree(path, directory);
    if (!kept.ok()) return kept.status();
    ExportPath tag = directory;
    tag.emplace_back(kTagName);
    if (*kept != Kept::Different && job_.list("files", path + "/" + std::string(kTagName)).code() == Code::NotFound) {
      // As the mount shows a generation that was published without one: ForML reads no generation that has none.
      const TimeNs published{parse_time(member_text(shown->body.at("package"), "published")) * kSecondNs};
      const std::string made = make_tag(published);
      const auto tagged = job_.into().write(tag, export_text(made));
      if (!tagged.ok()) return tagged.status();
      if (*tagged != Kept::Same) kept = tagged;
    }
    job_.add(path, tag, *kept);
    return {};
  }

  // A release or generation as a directory: whole, or it is there already.
  Result<Kept> write_tree(const std::string& path, const ExportPath& to) {
    const auto parent = job_.into().directory({to.begin(), to.end() - 1});
    if (!parent.ok()) return parent.status();
    // By its descriptor: no symlink that is put on the way is followed.
    const std::string place = "/proc/self/fd/" + std::to_string(parent->fd()) + "/" + to.back();
    std::error_code error;
    if (fs::symlink_status(place, error).type() != fs::file_type::not_found) return compare_tree(path, place);
    std::uint64_t before = 0;
    const Fetch::OnProgress on_progress = [&](std::uint64_t done_bytes, std::uint64_t) {
      return job_.on_progress(done_bytes - std::exchange(before, done_bytes));
    };
    return job_.into().write_tree(to, [&](const std::string& beside) {
      return Fetch(job_.channel(), on_progress).run(path, false, beside).status();
    });
  }

  Result<Kept> compare_tree(const std::string& path, const std::string& place) {
    const auto items = job_.list("files", path);
    if (!items.ok()) return items.status();
    std::map<std::string, std::string> wanted;
    for (const Json& item : *items) {
      if (!member_text(item, "path").empty()) wanted[member_text(item, "path")] = describe(item);
    }
    std::error_code error;
    if (!fs::is_directory(fs::symlink_status(place, error))) return Kept::Different;
    for (fs::recursive_directory_iterator each(place, error), end; !error && each != end; each.increment(error)) {
      const std::string name = each->path().lexically_relative(place).native();
      const auto found = wanted.find(name);
      if (found == wanted.end() && name == kTagName) continue;  // the one that was made for it
      const auto is = found == wanted.end() ? Result<std::string>("") : describe(*each);
      if (!is.ok()) return is.status();
      if (found == wanted.end() || *is != found->second) return Kept::Different;
      wanted.erase(found);
    }
    if (error) return Status::from_errno(error.value(), "read " + printable(place));
    return wanted.empty() ? Kept::Same : Kept::Different;
  }

  ExportJob& job_;
  const std::string project_;
};

}  // namespace

Status export_forml(ExportJob& job, const std::string& domain) { return ProjectExport(job, domain).run(); }

}  // namespace modelfs
