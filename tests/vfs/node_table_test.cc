#include "vfs/node_table.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

Node place_with_everything(Ino ino) {
  Node place;
  place.kind = Node::Kind::Archive;
  place.ino = ino;
  place.type = FileType::Symlink;
  place.domain = "churn";
  place.container = Ino{77};
  place.index = 5;
  place.is_release = true;
  place.given = true;
  place.format = ArchiveFormat::Zip;
  place.target = "1.2.0";
  place.rewrite = Node::Rewrite::Copy;
  place.in_stage = true;
  place.time = TimeNs{123};
  return place;
}

TEST(NodeTable, GivesBackAPlaceAsItWasAdded) {
  NodeTable nodes;
  const Node place = place_with_everything(Ino{9});
  nodes.add(place, true);
  nodes.add(Node{}, false, Ino{10});

  const auto found = nodes.find(Ino{9});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->place, place);
  EXPECT_TRUE(found->in_place);
  EXPECT_EQ(nodes.find(Ino{10})->place, Node{});
}

TEST(NodeTable, ForgetsANodeWithItsLastReference) {
  NodeTable nodes;
  nodes.add(place_with_everything(Ino{9}), false);
  nodes.add(place_with_everything(Ino{9}), false);
  nodes.forget(Ino{9}, 1);
  EXPECT_TRUE(nodes.find(Ino{9}));
  nodes.forget(Ino{9}, 1);
  EXPECT_FALSE(nodes.find(Ino{9}));

  nodes.add(Node{}, false, Ino{9});
  EXPECT_EQ(nodes.find(Ino{9})->place, Node{}) << "nothing of the former node";
}

TEST(NodeTable, FindsTheNodesOfADomain) {
  NodeTable nodes;
  nodes.add(place_with_everything(Ino{9}), false);
  nodes.add(Node{}, false, Ino{10});

  EXPECT_EQ(nodes.of_domain("churn"), std::vector<Ino>{Ino{9}});
  EXPECT_TRUE(nodes.of_domain("other").empty());
}

}  // namespace
}  // namespace modelfs
