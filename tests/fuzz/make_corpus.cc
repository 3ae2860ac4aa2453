// Writes the seeds of tests/fuzz/corpus: small archives, good and hostile, each behind the byte that selects its
// format. make_corpus FOLDER
#include <filesystem>
#include <fstream>

#include "archive/building_zip.h"
#include "archive/hostile_streams.h"
#include "archive/hostile_tars.h"
#include "archive/hostile_zips.h"

namespace modelfs {
namespace {

constexpr std::size_t kSeedBytesMax = 2600;

void write_seed(const std::filesystem::path& folder, const std::string& name, ArchiveFormat format,
                std::string_view bytes) {
  if (bytes.size() > kSeedBytesMax) return;
  std::ofstream out(folder / name, std::ios::binary);
  out.put(static_cast<char>(static_cast<int>(format) - 1));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void write_good(const std::filesystem::path& folder) {
  const std::string sparse =
      tar_pax(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
              pax_record("GNU.sparse.name", "sparse") + pax_record("GNU.sparse.realsize", "9000")) +
      tar_file("x", tar_padded("1\n8000\n4\n") + "data");
  const std::string tar = tar_directory("./d/") + tar_file("./d/a", "text") + tar_link('1', "h", "d/a") +
                          tar_link('2', "s", "d/a") + tar_end();
  write_seed(folder, "GoodTar", ArchiveFormat::Tar, tar);
  write_seed(folder, "GoodSparse", ArchiveFormat::Tar, sparse + tar_end());
  write_seed(folder, "GoodLongName", ArchiveFormat::Tar,
             tar_long('L', std::string(120, 'n')) + tar_file("n", "text") + tar_end());
  write_seed(folder, "GoodPax", ArchiveFormat::Tar,
             tar_pax(pax_record("path", "größe") + pax_record("mtime", "1.5")) + tar_file("n", "text") + tar_end());
  write_seed(folder, "GoodGzip", ArchiveFormat::TarGz, gzipped(tar));
  write_seed(folder, "GoodZstd", ArchiveFormat::TarZst, zstandard(tar));
  ZipBuilder zip;
  zip.add({.name = "d/", .attributes = 0040755u << 16});
  zip.add({.name = "d/a", .content = "text, text, text", .method = 8, .flags = 8});
  zip.add({.name = "s", .content = "d/a", .attributes = 0120777u << 16});
  write_seed(folder, "GoodZip", ArchiveFormat::Zip, zip.bytes("comment"));
  write_seed(folder, "GoodZip64", ArchiveFormat::Zip, zip.bytes64());
}

}  // namespace
}  // namespace modelfs

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  modelfs::write_good(folder);
  for (const auto& list : {modelfs::hostile_tar_names(), modelfs::hostile_tar_members(), modelfs::hostile_tar_headers(),
                           modelfs::hostile_streams(), modelfs::hostile_zips(), modelfs::hostile_zip_structures()}) {
    for (const modelfs::HostileArchive& each : list) modelfs::write_seed(folder, each.name, each.format, each.bytes);
  }
}
