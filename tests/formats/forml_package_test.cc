#include "formats/forml_package.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(PackageManifest, IsReadAsForMLWritesIt) {
  const auto manifest = parse_package_manifest(
      "NAME = \"life-17991\"\nVERSION = \"0.1.dev1\"\nPACKAGE = \"hello.world\"\nMODULES = {\"source\": \"a.b\"}");

  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->name, "life-17991");
  EXPECT_EQ(manifest->version, "0.1.dev1");
  EXPECT_EQ(manifest->package, "hello.world");
  EXPECT_EQ(manifest->modules, (std::map<std::string, std::string>{{"source", "a.b"}}));
}

TEST(PackageManifest, IsReadAsPeopleWriteIt) {
  const auto manifest = parse_package_manifest(
      "# Licensed\n\"\"\"A docstring\nwith NAME = 'x' in it.\n\"\"\"\n\nNAME = 'a'  # the name\nVERSION='1'\n"
      "PACKAGE = 'p\\'q'\nMODULES = {\n  'pipeline': 'x',  # one\n}\nOTHER = call()\n");

  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->name, "a");
  EXPECT_EQ(manifest->package, "p'q");
  EXPECT_EQ(manifest->modules.at("pipeline"), "x");
}

TEST(PackageManifest, ThatWouldHaveToBeExecutedIsNotUnderstood) {
  EXPECT_FALSE(parse_package_manifest("NAME = open('/etc/passwd').read()\nVERSION = '1'\nPACKAGE = 'p'\n"));
  EXPECT_FALSE(parse_package_manifest("NAME = 'a' + 'b'\nVERSION = '1'\nPACKAGE = 'p'\n"));
  EXPECT_FALSE(parse_package_manifest("NAME = f'{x}'\nVERSION = '1'\nPACKAGE = 'p'\n"));
  EXPECT_FALSE(parse_package_manifest("NAME = 'a'\nVERSION = '1'\nPACKAGE = 'p'\nMODULES = dict(a=1)\n"));
}

TEST(PackageManifest, NeedsANameAVersionAndAPackage) {
  EXPECT_FALSE(parse_package_manifest("NAME = 'a'\nVERSION = '1'\n"));
  EXPECT_FALSE(parse_package_manifest(""));
  EXPECT_FALSE(parse_package_manifest("  NAME = 'a'\n  VERSION = '1'\n  PACKAGE = 'p'\n"));
}

TEST(PackageManifest, CutOffAnywhereNeverHangs) {
  const std::string whole =
      "'''doc'''\nNAME = 'a\\'b'\nVERSION = \"1\"\nPACKAGE = 'p'\nMODULES = {'a': 'b', 'c': 'd'}\n";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    (void)parse_package_manifest(std::string_view(whole).substr(0, size));
  }
}

TEST(PackageManifest, HasABoundedSize) {
  const auto with = [](std::size_t size) {
    const std::string text = "NAME = 'a'\nVERSION = '1'\nPACKAGE = 'p'\n#";
    return parse_package_manifest(text + std::string(size - text.size(), 'x'));
  };
  EXPECT_TRUE(with(kPackageManifestBytesMax));
  EXPECT_FALSE(with(kPackageManifestBytesMax + 1));
}

TEST(PackageManifest, ListsABoundedNumberOfModules) {
  const auto with = [](std::size_t count) {
    std::string text = "NAME = 'a'\nVERSION = '1'\nPACKAGE = 'p'\nMODULES = {";
    for (std::size_t i = 0; i < count; ++i) text += "'" + std::to_string(i) + "': 'm',";
    return parse_package_manifest(text + "}\n");
  };
  EXPECT_TRUE(with(kPackageModulesMax));
  EXPECT_FALSE(with(kPackageModulesMax + 1));
}

}  // namespace
}  // namespace modelfs
