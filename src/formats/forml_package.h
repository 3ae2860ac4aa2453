// The manifest of a ForML package, `__4ml__.py`: Python source, read as text and never executed.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace modelfs {

// A release's package in ForML's layout. It can be opened and is not listed: it is a face.
inline constexpr std::string_view kFormlPackageName = "package.4ml";
inline constexpr std::string_view kPackageManifestName = "__4ml__.py";
// It is read whole. One that `forml` writes has less than 1 KiB.
inline constexpr std::size_t kPackageManifestBytesMax = 256 * 1024;
// More than any project has. Why a bound: the documents that list them look through all for each that they add.
inline constexpr std::size_t kPackageModulesMax = 1000;

// What such a file assigns. Source: forml/project/_distribution.py of ForML 0.98.
struct PackageManifest {
  std::string name;
  std::string version;
  std::string package;
  std::map<std::string, std::string> modules;  // component -> module
};

// Understands the dialect in which ForML and people write it: at the left margin NAME, VERSION and PACKAGE are assigned
// string literals and MODULES a dictionary of them; there may be comments and a docstring. Empty if one of the first
// three is missing or an expression, and above the bounds.
std::optional<PackageManifest> parse_package_manifest(std::string_view text);

}  // namespace modelfs
