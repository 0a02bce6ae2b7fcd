#include "report/run_events.h"

#include <doctest/doctest.h>

namespace tessera {
namespace {

TEST_CASE("parameters are grouped by block") {
  CHECK(tensorboard::group_of("stages.0.blocks.11.attn.qkv.weight") == "stages.0.blocks.11");
  CHECK(tensorboard::group_of("stages.0.downsample.norm.bias") == "stages.0.downsample");
  CHECK(tensorboard::group_of("blocks.3.mlp.fc1.weight") == "blocks.3");
  CHECK(tensorboard::group_of("patch_embed.proj.weight") == "patch_embed");
  CHECK(tensorboard::group_of("cls_token") == "cls_token");
}

}  // namespace
}  // namespace tessera
