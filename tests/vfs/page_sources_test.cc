#include "vfs/page_sources.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

class PageSourcesTest : public testing::Test {
 protected:
  File file(const std::string& name) const {
    return File(::open((directory_.path() + "/" + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  }
  TemporaryDirectory directory_;
  PageSources sources_;
};

TEST_F(PageSourcesTest, PagesStayAsLongAsTheFileIsTheSame) {
  EXPECT_TRUE(sources_.stay(Ino{7}, file("a").fd()));
  EXPECT_TRUE(sources_.stay(Ino{7}, file("a").fd()));
  EXPECT_TRUE(sources_.stay(Ino{8}, file("b").fd())) << "another node";
}

TEST_F(PageSourcesTest, AnotherFileDropsThemOnce) {
  const File first = file("a");
  ASSERT_TRUE(sources_.stay(Ino{7}, first.fd()));

  EXPECT_FALSE(sources_.stay(Ino{7}, file("b").fd()));
  EXPECT_TRUE(sources_.stay(Ino{7}, file("b").fd()));
}

TEST_F(PageSourcesTest, AForgottenNodeHasNoPages) {
  ASSERT_TRUE(sources_.stay(Ino{7}, file("a").fd()));

  sources_.forget(Ino{7});

  EXPECT_TRUE(sources_.empty());
  EXPECT_TRUE(sources_.stay(Ino{7}, file("b").fd()));
}

}  // namespace
}  // namespace modelfs
