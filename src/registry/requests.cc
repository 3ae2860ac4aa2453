#include "registry/requests.h"

#include <algorithm>

namespace modelfs {

std::string Target::str() const {
  std::string text = domain.str() + "/" + version.str();
  if (is_generation) text += number ? "/" + std::to_string(raw(*number)) : std::string("/next");
  return text;
}

Result<Target> Target::parse(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t slash = std::min(path.find('/', from), path.size());
    parts.push_back(path.substr(from, slash - from));
    from = slash + 1;
  }
  const std::string shape = "a target is DOMAIN/VERSION, DOMAIN/VERSION/next or DOMAIN/VERSION/NUMBER";
  if (parts.size() < 2 || parts.size() > 3) return Status(Code::InvalidArgument, "'" + printable(path) + "': " + shape);
  auto domain = DomainName::parse(parts[0]);
  if (!domain.ok()) return domain.status();
  auto version = VersionName::parse(parts[1]);
  if (!version.ok()) return version.status();
  Target target{std::move(*domain), std::move(*version), parts.size() == 3, std::nullopt};
  if (parts.size() == 3 && parts[2] != "next") {
    const auto number = parse_generation(parts[2]);
    if (!number.ok()) return Status(Code::InvalidArgument, number.status().message() + "; " + shape);
    target.number = *number;
  }
  return target;
}

}  // namespace modelfs
