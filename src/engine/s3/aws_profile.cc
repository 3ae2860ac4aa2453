#include "engine/s3/aws_profile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

namespace modelfs {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

std::string_view without_spaces(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

// "[ profile  churn ]" is "profile churn".
std::string section_name(std::string_view line) {
  const std::string_view inner = without_spaces(line.substr(1, line.rfind(']') - 1));
  const std::size_t gap = inner.find_first_of(" \t");
  if (gap == std::string_view::npos) return std::string(inner);
  return std::string(inner.substr(0, gap)) + " " + std::string(without_spaces(inner.substr(gap)));
}

struct ReadFile {
  AwsFile sections;
  uid_t uid = 0;
  gid_t gid = 0;
};

Result<ReadFile> read_aws_file(const std::string& path) {
  // Why not open_at: it follows no symlinks, and these files often are some.
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return ReadFile{};
    return Status::from_errno(errno, "read " + path);
  }
  struct stat facts {};
  if (::fstat(file.fd(), &facts) != 0) return Status::from_errno(errno, "look at " + path);
  // How people say to every client of AWS that there is none.
  if (path == "/dev/null") return ReadFile{};
  if (!S_ISREG(facts.st_mode)) return Status(Code::InvalidArgument, path + " is no file");
  const auto text = read_all(file.fd(), kFileBytesMax);
  if (!text.ok()) return Status(text.code(), "read " + path + ": " + text.status().message());
  return ReadFile{parse_aws_file(*text), facts.st_uid, facts.st_gid};
}

std::string path_of(const AwsEnvironment& environment, const std::string& home, const std::string& variable,
                    const std::string& in_home) {
  const std::string named = value_of(environment, variable);
  if (named.empty()) return home + in_home;
  return named.starts_with("~/") ? home + named.substr(1) : named;
}

}  // namespace

AwsEnvironment aws_environment() {
  AwsEnvironment variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (!text.starts_with("AWS_") || equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string value_of(const AwsEnvironment& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

AwsFile parse_aws_file(std::string_view text) {
  AwsFile file;
  AwsSection* section = nullptr;
  std::string parent;  // the value that has no text of its own, for those below it
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view line = without_spaces(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      section = line.find(']') == std::string_view::npos ? nullptr : &file[section_name(line)];
      parent.clear();
      continue;
    }
    const std::size_t equals = line.find('=');
    if (section == nullptr || equals == std::string_view::npos) continue;
    const std::string name(without_spaces(line.substr(0, equals)));
    const std::string value(without_spaces(line.substr(equals + 1)));
    const bool is_below = !parent.empty() && (raw.front() == ' ' || raw.front() == '\t');
    if (!is_below) parent = value.empty() ? name : std::string();
    (*section)[is_below ? parent + "." + name : name] = value;
  }
  return file;
}

Result<AwsProfile> read_aws_profile(const AwsEnvironment& environment, const std::string& home,
                                    const std::string& wanted) {
  AwsProfile profile;
  profile.name = wanted.empty() ? value_of(environment, "AWS_PROFILE") : wanted;
  if (profile.name.empty()) profile.name = "default";
  const auto credentials =
      read_aws_file(path_of(environment, home, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"));
  if (!credentials.ok()) return credentials.status();
  const auto config = read_aws_file(path_of(environment, home, "AWS_CONFIG_FILE", "/.aws/config"));
  if (!config.ok()) return config.status();

  const auto take = [&](const ReadFile& file, const std::string& section) {
    const auto found = file.sections.find(section);
    if (found == file.sections.end()) return;
    profile.exists = true;
    const bool had_process = profile.values.contains("credential_process");
    profile.values.insert(found->second.begin(), found->second.end());
    if (had_process || !profile.values.contains("credential_process")) return;
    profile.process_uid = file.uid;
    profile.process_gid = file.gid;
  };
  take(*credentials, profile.name);
  take(*config, "profile " + profile.name);
  if (profile.name == "default") take(*config, "default");
  const std::string services = profile.value("services");
  if (services.empty()) return profile;
  const auto found = config->sections.find("services " + services);
  if (found != config->sections.end()) profile.values.insert(found->second.begin(), found->second.end());
  return profile;
}

}  // namespace modelfs
