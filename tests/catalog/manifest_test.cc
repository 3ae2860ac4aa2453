#include "catalog/manifest.h"

#include <gtest/gtest.h>

#include "catalog/samples.h"

namespace modelfs {
namespace {

// config.json, variables/{a.bin, b.bin}, variables.index, current -> variables
std::shared_ptr<const Manifest> saved_model() {
  ManifestBuilder builder(directory_entry("", Ino{64}));
  const auto variables = builder.add(0, directory_entry("variables", Ino{65}));
  builder.add(variables, file_entry("b.bin", "bb", Ino{66}));
  builder.add(0, file_entry("variables.index", "i", Ino{67}));
  builder.add(variables, file_entry("a.bin", "a", Ino{68}));
  builder.add(0, symlink_entry("current", "variables", Ino{69}));
  builder.add(0, file_entry("config.json", "{}", Ino{70}));
  return builder.build();
}

Digest content_of(ManifestEntry entry) {
  ManifestBuilder builder(directory_entry(""));
  builder.add(0, std::move(entry));
  return builder.build()->content_digest();
}

TEST(Manifest, StandsInBreadthFirstOrderSortedByNameInEachDirectory) {
  const auto manifest = saved_model();

  std::vector<std::string> paths;
  for (std::uint32_t i = 0; i < manifest->entries().size(); ++i) paths.push_back(manifest->path_of(i));

  EXPECT_EQ(paths, (std::vector<std::string>{"", "config.json", "current", "variables", "variables.index",
                                             "variables/a.bin", "variables/b.bin"}));
  EXPECT_EQ(manifest->at(0).first_child, 1u);
  EXPECT_EQ(manifest->at(0).child_count, 4u);
  EXPECT_EQ(manifest->at(3).first_child, 5u);
  EXPECT_EQ(manifest->at(3).child_count, 2u);
  EXPECT_EQ(manifest->at(6).parent, 3u);
}

TEST(Manifest, SortsNamesByTheirBytes) {
  ManifestBuilder builder(directory_entry(""));
  for (const char* name : {"é", "z", "a", "Z"}) builder.add(0, file_entry(name, ""));

  const auto manifest = builder.build();

  EXPECT_EQ(manifest->at(1).name, "Z");
  EXPECT_EQ(manifest->at(2).name, "a");
  EXPECT_EQ(manifest->at(3).name, "z");
  EXPECT_EQ(manifest->at(4).name, "é");
}

TEST(Manifest, FindsEveryEntryByItsPath) {
  const auto manifest = saved_model();

  for (std::uint32_t i = 0; i < manifest->entries().size(); ++i) {
    const auto found = manifest->find(manifest->path_of(i));
    ASSERT_TRUE(found.ok()) << manifest->path_of(i);
    EXPECT_EQ(*found, i);
  }
}

TEST(Manifest, SaysWhyAPathLeadsNowhere) {
  const auto manifest = saved_model();

  EXPECT_EQ(manifest->find("variables/c.bin").code(), Code::NotFound);
  EXPECT_EQ(manifest->find("variables/").code(), Code::NotFound);
  EXPECT_EQ(manifest->find("/variables").code(), Code::NotFound);
  EXPECT_EQ(manifest->find("config.json/x").code(), Code::NotADirectory);
  EXPECT_EQ(manifest->find("current/a.bin").code(), Code::NotADirectory);
}

TEST(Manifest, HasNoChildrenInAFile) {
  const auto manifest = saved_model();

  EXPECT_EQ(manifest->child(1, "a.bin"), std::nullopt);
  EXPECT_EQ(manifest->child(3, "a.bin"), 5u);
  EXPECT_EQ(manifest->child(3, ""), std::nullopt);
}

TEST(Manifest, CountsFilesAndTheirBytes) {
  const auto manifest = saved_model();

  EXPECT_EQ(manifest->file_count(), 4u);
  EXPECT_EQ(manifest->total_bytes(), 6u);
  EXPECT_GE(manifest->memory_bytes(), manifest->entries().size() * sizeof(ManifestEntry));
}

TEST(Manifest, GivesASymlinkTheSizeOfItsTarget) {
  EXPECT_EQ(saved_model()->at(2).size_bytes, std::string_view("variables").size());
}

TEST(Manifest, CountsTheNamesOfAHardLinkedFile) {
  ManifestBuilder builder(directory_entry("", Ino{64}));
  const auto sub = builder.add(0, directory_entry("sub", Ino{65}));
  builder.add(0, file_entry("one", "x", Ino{66}));
  builder.add(sub, file_entry("two", "x", Ino{66}));
  builder.add(0, file_entry("other", "x", Ino{67}));
  const auto manifest = builder.build();

  EXPECT_EQ(manifest->at(*manifest->find("one")).link_count, 2u);
  EXPECT_EQ(manifest->at(*manifest->find("sub/two")).link_count, 2u);
  EXPECT_EQ(manifest->at(*manifest->find("other")).link_count, 1u);
  EXPECT_EQ(manifest->at(*manifest->find("sub")).link_count, 2u);
  EXPECT_EQ(manifest->at(Manifest::kRoot).link_count, 3u);
}

TEST(Manifest, OfNothingIsJustTheRoot) {
  const auto manifest = ManifestBuilder(directory_entry("")).build();

  ASSERT_EQ(manifest->entries().size(), 1u);
  EXPECT_EQ(*manifest->find(""), Manifest::kRoot);
  EXPECT_EQ(manifest->child(0, "a"), std::nullopt);
}

TEST(ContentDigest, IsTheSumOfTheDocumentedText) {
  using namespace std::string_view_literals;
  ManifestBuilder builder(directory_entry("", Ino{64}));
  const auto directory = builder.add(0, directory_entry("d", Ino{65}));
  builder.add(directory, file_entry("g", "abc", Ino{66}));
  ManifestEntry script = file_entry("d.sh", "", Ino{67});
  script.mode = 0755;
  builder.add(0, script);
  builder.add(0, symlink_entry("l", "d/g", Ino{68}));

  const auto text =
      "modelfs content 1\0"
      "d 1 d\0"
      "f 2 g\0"
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3\0"
      "x 1 d.sh\0"
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0\0"
      "l 1 l\0"
      "d/g\0"sv;
  const auto manifest = builder.build();
  EXPECT_EQ(manifest->content_digest(), hash_of(bytes_of(text)).digest);
  EXPECT_EQ(manifest->content_digest().hex(), "51cbeaca21c83bc0f82dd237dc9892779e9e80f4413bc2195f1f85d1e0e852b4");
}

TEST(ContentDigest, IsBlindToTimesNumbersBlocksAndReadPermissions) {
  ManifestEntry one = file_entry("a", "abc", Ino{66});
  ManifestEntry other = one;
  other.mtime = TimeNs{2};
  other.ino = Ino{99};
  other.allocated_bytes = 0;
  other.mode = 0400;

  EXPECT_EQ(content_of(one), content_of(other));
}

TEST(ContentDigest, TellsAProgramFromAFile) {
  ManifestEntry program = file_entry("a", "abc");
  program.mode = 0744;

  EXPECT_NE(content_of(program), content_of(file_entry("a", "abc")));
}

TEST(ContentDigest, TellsNamesBytesTypesAndTargetsApart) {
  const std::vector<Digest> digests = {content_of(file_entry("a", "abc")),
                                       content_of(file_entry("b", "abc")),
                                       content_of(file_entry("a", "abd")),
                                       content_of(directory_entry("a")),
                                       content_of(symlink_entry("a", "abc")),
                                       content_of(symlink_entry("a", "abd")),
                                       ManifestBuilder(directory_entry("")).build()->content_digest()};

  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(digests[i], digests[j]) << i << " and " << j;
  }
}

TEST(ContentDigest, TellsADirectorysFileFromItsNeighbour) {
  ManifestBuilder inside(directory_entry(""));
  inside.add(inside.add(0, directory_entry("d")), file_entry("f", "abc"));
  ManifestBuilder beside(directory_entry(""));
  beside.add(0, directory_entry("d"));
  beside.add(0, file_entry("f", "abc"));

  EXPECT_NE(inside.build()->content_digest(), beside.build()->content_digest());
}

}  // namespace
}  // namespace modelfs
