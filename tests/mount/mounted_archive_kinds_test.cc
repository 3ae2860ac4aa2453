// mount/SEMANTICS.md, "Archives": what kinds of archives are taken, which are refused, and how their writers hear it.
#include <fcntl.h>
#include <unistd.h>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class ArchiveKinds : public Mounted {
 protected:
  // Runs Python in a directory of its own; `program` makes archives there.
  void make(const std::string& program) const {
    write_file(local_.path() + "/make.py", program);
    const Outcome made = run("cd '" + local_.path() + "' && python3 -W ignore make.py");
    ASSERT_EQ(made.exit_code, 0) << made.output;
  }
  std::string local(const std::string& name) const { return local_.path() + "/" + name; }
  int copy(const std::string& name, const std::string& as) const {
    return run("cp '" + local(name) + "' '" + at(as) + "'").exit_code;
  }
  std::string why_refused(const std::string& name) const {
    return text_attribute(mount().point() + "/.modelfs/drafts/" + domain_name() + "/" + name, "user.modelfs.error");
  }
  static bool writes_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
      if (wrote <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  TemporaryDirectory local_;
};

TEST_F(ArchiveKinds, ThatAllProgramsReadAlikeAreTaken) {
  NEEDS("python3");
  make(R"(
import io, os, struct, tarfile, zipfile
os.makedirs('model/sub')
open('model/w.bin', 'w').write('w')
open('model/sub/v.bin', 'w').write('v')
with tarfile.open('root-empty.tar.gz', 'w:gz') as t: t.add('model', arcname='')
with tarfile.open('root-slash.tar', 'w') as t: t.add('model', arcname='/')
with tarfile.open('slashes.tar.gz', 'w:gz') as t: t.add('model//')
def entry(t, name, kind=tarfile.REGTYPE, data=b'', **more):
    i = tarfile.TarInfo(name); i.type = kind; i.size = len(data)
    for key, value in more.items(): setattr(i, key, value)
    t.addfile(i, io.BytesIO(data))
with tarfile.open('again.tar', 'w') as t:
    for i in range(2): entry(t, 'd', tarfile.DIRTYPE, mode=0o755)
    entry(t, 'd/w.bin', data=b'w')
with tarfile.open('time.tar', 'w', format=tarfile.PAX_FORMAT) as t: entry(t, 'w.bin', data=b'w', mtime=1e-07)
with open('one-block.tar', 'wb') as f: f.write(open('again.tar', 'rb').read(4 * 512) + bytes(512))
def member(z, name, data=b'', mode=0):
    i = zipfile.ZipInfo('x', (2024, 1, 2, 3, 4, 6)); i.filename = name; i.external_attr = mode << 16; z.writestr(i, data)
with zipfile.ZipFile('root.zip', 'w') as z:
    member(z, '/'); member(z, './'); member(z, 'd//'); member(z, 'd/'); member(z, 'd//w.bin', b'w')
with zipfile.ZipFile('pipe.zip', 'w') as z: member(z, '-', b'w', 0o010600)
d = open('root.zip', 'rb').read()
open('padded.zip', 'wb').write(d + bytes(512))
e = d.rfind(b'PK\5\6'); n, size, at = struct.unpack('<HII', d[e + 10:e + 20])
open('zip64.zip', 'wb').write(d[:e] + struct.pack('<4sQHHIIQQQQ', b'PK\6\6', 44, 45, 45, 0, 0, n, n, size, at) +
    struct.pack('<4sIQI', b'PK\6\7', 0, e, 1) + b'PK\5\6' + b'\xff' * 16 + b'\0\0')
)");

  for (const char* name : {"root-empty.tar.gz", "root-slash.tar", "slashes.tar.gz", "again.tar", "time.tar",
                           "one-block.tar", "root.zip", "pipe.zip", "padded.zip", "zip64.zip"}) {
    EXPECT_EQ(copy(name, name), 0) << name << ": " << why_refused(name);
  }
  EXPECT_EQ(read_file(at("root-empty/sub/v.bin")), "v");
  EXPECT_EQ(read_file(at("root-slash/sub/v.bin")), "v");
  EXPECT_EQ(read_file(at("slashes/model/sub/v.bin")), "v");
  EXPECT_EQ(read_file(at("again/d/w.bin")), "w");
  EXPECT_EQ(nanoseconds(stat_of(at("time/w.bin")).st_mtim), 100);
  EXPECT_EQ(read_file(at("root/d/w.bin")), "w");
  EXPECT_EQ(read_file(at("pipe/-")), "w");
  EXPECT_EQ(read_file(at("padded/d/w.bin")), "w");
  EXPECT_EQ(read_file(at("zip64/d/w.bin")), "w");
}

TEST_F(ArchiveKinds, ThatMeanTwoThingsOrNeedMoreAreRefusedWithTheReason) {
  NEEDS("python3");
  make(R"(
import io, tarfile, zipfile
def entry(t, name, kind=tarfile.REGTYPE, data=b'', **more):
    i = tarfile.TarInfo(name); i.type = kind; i.size = len(data)
    for key, value in more.items(): setattr(i, key, value)
    t.addfile(i, io.BytesIO(data))
with tarfile.open('absolute.tar', 'w') as t: entry(t, '/etc/a')
with tarfile.open('up.tar', 'w') as t: entry(t, '../a')
with tarfile.open('twice.tar', 'w') as t: entry(t, 'a', data=b'1'); entry(t, './a', data=b'2')
with tarfile.open('modes.tar', 'w') as t: entry(t, 'd', tarfile.DIRTYPE, mode=0o755); entry(t, 'd', tarfile.DIRTYPE, mode=0o700)
with tarfile.open('leaves.tar', 'w') as t: entry(t, 'a', tarfile.SYMTYPE, linkname='../b')
with tarfile.open('device.tar', 'w') as t: entry(t, 'a', tarfile.CHRTYPE)
def member(z, name, data=b'1', **more):
    i = zipfile.ZipInfo('x', (2024, 1, 2, 3, 4, 6)); i.filename = name
    for key, value in more.items(): setattr(i, key, value)
    z.writestr(i, data)
with zipfile.ZipFile('bzip2.zip', 'w') as z: member(z, 'a', compress_type=zipfile.ZIP_BZIP2)
with zipfile.ZipFile('lzma.zip', 'w') as z: member(z, 'a', compress_type=zipfile.ZIP_LZMA)
with zipfile.ZipFile('plain.zip', 'w') as z: member(z, 'a')
with zipfile.ZipFile('windows.zip', 'w') as z: member(z, 'd\\a', create_system=0)
d = bytearray(open('plain.zip', 'rb').read())
d[8:10] = d[d.find(b'PK\1\2') + 10:d.find(b'PK\1\2') + 12] = b'\x09\0'; open('deflate64.zip', 'wb').write(d)
d = bytearray(open('plain.zip', 'rb').read())
d[6] |= 1; d[d.find(b'PK\1\2') + 8] |= 1; open('encrypted.zip', 'wb').write(d)
)");
  const std::vector<std::pair<std::string, std::string>> reasons = {{"absolute.tar", "absolute"},
                                                                    {"up.tar", "'..'"},
                                                                    {"twice.tar", "twice"},
                                                                    {"modes.tar", "two modes"},
                                                                    {"leaves.tar", "leaves"},
                                                                    {"device.tar", "device"},
                                                                    {"bzip2.zip", "bzip2 (12)"},
                                                                    {"lzma.zip", "LZMA (14)"},
                                                                    {"deflate64.zip", "Deflate64 (9)"},
                                                                    {"windows.zip", "backslash"},
                                                                    {"encrypted.zip", "encrypted"}};
  for (const auto& [name, reason] : reasons) {
    EXPECT_EQ(copy(name, name), 1) << name;
    EXPECT_NE(why_refused(name).find(reason), std::string::npos) << name << ": " << why_refused(name);
  }
}

TEST_F(ArchiveKinds, WithALargerWindowOfZstdAreRefusedWithTheReason) {
  NEEDS("zstd");
  const Outcome packed =
      run("tar c -C / --mtime=@0 etc/hostname | zstd -q --long=28 --no-check > '" + local("w.tar.zst") + "'");
  ASSERT_EQ(packed.exit_code, 0) << packed.output;

  EXPECT_EQ(copy("w.tar.zst", "w.tar.zst"), 1);
  EXPECT_NE(why_refused("w.tar.zst").find("--long=27"), std::string::npos) << why_refused("w.tar.zst");
}

// Names that a release may hold and that are easily lost on the way through an archive.
TEST_F(ArchiveKinds, OfEveryFormOfAReleaseAreTakenAgain) {
  const Files files = {{"Icon\r", "1"},
                       {"new\nline", "2"},
                       {"tab\tand\x1b[2J", "3"},
                       {"dir\\cfg.json", "4"},
                       {"\\", "5"},
                       {" ", "6"},
                       {"-", "7"},
                       {"-rf", "8"},
                       {"d\x7f\xc2\x85/", ""},
                       {"d\x7f\xc2\x85/..x/", ""},
                       {"d\x7f\xc2\x85/..x/...", "9"},
                       {std::string(255, 'n'), "10"},
                       {std::string(200, 'd') + "/", ""},
                       {std::string(200, 'd') + "/" + std::string(200, 'e') + "/", ""},
                       {std::string(200, 'd') + "/" + std::string(200, 'e') + "/f", "11"},
                       {"gr\xc3\xb6\xc3\x9f"
                        "e/",
                        ""},
                       {"gr\xc3\xb6\xc3\x9f"
                        "e/\xe6\xa8\xa1\xe5\x9e\x8b.bin",
                        "12"},
                       {"u\xcc\x88", "13"},
                       {"zero\xe2\x80\x8bwidth", "14"},
                       {"%41*?[a]{b}'\"$(x)`y`;&|<>~#!", "15"},
                       {"PaxHeaders.0/", ""},
                       {"PaxHeaders.0/x", "16"},
                       {"tag.toml", "17"},
                       {"a.tar.gz", "18"},
                       {"empty/", ""}};
  make_draft("x", files);
  ASSERT_EQ(error(::symlink("new\nline", stage("x/link\rback").c_str())), 0);
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);
  const auto tree = describe_tree(at("1.0"), Detail::Content);
  const std::vector<std::pair<std::string, std::string>> forms = {
      {".tar", "a.tar"}, {".tar.gz", "b.tar.gz"}, {".tar.gz", "c.tgz"}, {".zip", "d.zip"}, {".zip", "e.4ml"}};

  for (const auto& [face, name] : forms) {
    const Outcome copied = run("cp '" + at("1.0" + face) + "' '" + at(name) + "'");
    EXPECT_EQ(copied.exit_code, 0) << name << ": " << why_refused(name);
    EXPECT_EQ(describe_tree(at(name.substr(0, 1)), Detail::Content), tree) << name;
  }
  for (const std::string suffix : {".tar", ".tar.gz", ".tar.zst", ".zip"}) {
    const std::string out = local("out" + suffix), version = "got" + suffix.substr(suffix.rfind('.') + 1);
    ASSERT_EQ(modelfs("get '" + at("1.0") + "' '" + out + "'").exit_code, 0);
    EXPECT_EQ(copy("out" + suffix, version + suffix), 0) << why_refused(version + suffix);
    EXPECT_EQ(describe_tree(at(version), Detail::Content), tree) << suffix;
  }
}

TEST_F(ArchiveKinds, OfNothingButZerosAreRefusedButForAProgramsEmptyOne) {
  for (const off_t size : {512, 1536, 10241, 3 << 20}) {
    const File file = open_file(at("1.0.tar"), O_WRONLY | O_CREAT);
    ASSERT_EQ(error(::ftruncate(file.fd(), size)), 0);
    EXPECT_EQ(error(::close(::dup(file.fd()))), 0) << "this process still has it";
  }
  EXPECT_FALSE(exists(at("1.0")));
  write_file(local("zeros.tar"), std::string(3 << 20, '\0'));
  EXPECT_EQ(copy("zeros.tar", "2.0.tar"), 1);
  EXPECT_NE(why_refused("2.0.tar").find("nothing but zeros"), std::string::npos);

  EXPECT_EQ(run("tar cf '" + at("3.0.tar") + "' -T /dev/null").exit_code, 0);
  EXPECT_TRUE(names_in(at("3.0")).empty());
}

// Its first member is a symlink that leaves it; what follows never ends.
TEST_F(ArchiveKinds, ThatNothingCanCureFailTheirWritersNextWrite) {
  make_directory(local("r"));
  ASSERT_EQ(error(::symlink("../../x", local("r/a").c_str())), 0);
  ASSERT_EQ(run("cd '" + local_.path() + "' && tar cf bad.tar r").exit_code, 0);
  const std::string begin = read_file(local("bad.tar")).substr(0, 1024);
  const int file = ::open(at("1.0.tar").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_TRUE(writes_all(file, begin));
  const std::string more = pattern(1 << 20);
  int failed = 0;
  for (int i = 0; i < 4096 && failed == 0; ++i) failed = error(::write(file, more.data(), more.size()));

  EXPECT_EQ(failed, EBADMSG);
  EXPECT_EQ(error(::write(file, more.data(), 1)), EBADMSG) << "from then on";
  EXPECT_EQ(error(::close(file)), EBADMSG);
  EXPECT_NE(why_refused("1.0.tar"), "");
}

// tar's compressor is a child of a shell, which closes last.
TEST_F(ArchiveKinds, ThatNothingCanCureFailTarAndItsCompressor) {
  make_directory(local("r"));
  ASSERT_EQ(error(::symlink("../../x", local("r/a").c_str())), 0);
  write_file(local("r/w"), pattern(3 << 20));

  for (const std::string& line : {"tar cf '" + at("1.tar") + "' r/a r/w", "tar czf '" + at("2.tar.gz") + "' r/a r/w",
                                  "tar c r/a r/w | gzip > '" + at("3.tar.gz") + "'"}) {
    EXPECT_NE(run("cd '" + local_.path() + "' && " + line).exit_code, 0) << line;
  }
  EXPECT_TRUE(names_in(domain()).empty());
}

TEST_F(ArchiveKinds, ThatAreIncompleteGoOnWhereTheirWriterOpensThemAgain) {
  write_file(local("w"), pattern(300'000));
  ASSERT_EQ(run("tar czf '" + local("m.tar.gz") + "' -C '" + local_.path() + "' w").exit_code, 0);
  const std::string bytes = read_file(local("m.tar.gz"));
  const int first = ::open(at("1.0.tar.gz").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
  ASSERT_TRUE(writes_all(first, std::string_view(bytes).substr(0, bytes.size() / 2)));
  EXPECT_EQ(error(::close(first)), EBADMSG);
  EXPECT_EQ(in_child([&] { return exists(at("1.0.tar.gz")) ? 1 : 0; }), 0);

  EXPECT_EQ(stat_of(at("1.0.tar.gz")).st_size, static_cast<off_t>(bytes.size() / 2));
  const int second = ::open(at("1.0.tar.gz").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ASSERT_GE(second, 0);
  ASSERT_TRUE(writes_all(second, std::string_view(bytes).substr(bytes.size() / 2)));

  EXPECT_EQ(error(::close(second)), 0);
  EXPECT_EQ(read_file(at("1.0/w")), pattern(300'000));
}

TEST_F(ArchiveKinds, WithASuffixThatIsNotTakenAreRefusedWhenTheyAreCreated) {
  for (const char* name : {"1.0.tar.xz", "1.0.tar.bz2", "1.0.TAR.GZ", "1.0.7z", "1.0.Zip"}) {
    EXPECT_EQ(error(::open(at(name).c_str(), O_WRONLY | O_CREAT, 0644)), EINVAL) << name;
    EXPECT_NE(text_attribute(domain(), "user.modelfs.error").find("suffix"), std::string::npos) << name;
    write_file(stage("part"), "x");
    EXPECT_EQ(error(::rename(stage("part").c_str(), at(name).c_str())), EPERM) << name;
  }
  write_file(stage("inner.tar.xz"), "x");
  make_draft("x", {{"inner.tar.xz", "x"}});
  EXPECT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0) << "in a draft it is any file";
}

}  // namespace
}  // namespace modelfs
