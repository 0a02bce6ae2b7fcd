#include <doctest/doctest.h>

#include <string>

#include "tests/train/config_support.h"

using namespace tessera;
using namespace tessera::test;

TEST_CASE("values that do not fit each other are reported where they stand") {
  struct Case {
    std::string text;
    std::vector<std::string> errors;
  };
  const Case cases[] = {
      {"model: {image_size: 28, patch_size: [4, 32]}",
       {"c.yaml:1:37: [model] patch_size 4x32 is larger than image_size 28x28"}},
      {"model: {embed_dim: 96, num_heads: [5, 6, 12, 24]}",
       {"c.yaml:1:36: [model] embed_dim 96 % num_heads 5 != 0; nearest that divide: num_heads 4 "
        "or 6, embed_dim 90 or 105"}},
      {"model: {num_heads: [3, 6, 12, 25]}",
       {"c.yaml:1:31: [model] stage 4: embed_dim 96 * 8 = 768 % num_heads 25 != 0; nearest that "
        "divide: num_heads 24 or 32, embed_dim 75 or 150"}},
      {"model: {embed_dim: 95}",
       {"c.yaml:1:20: [model] embed_dim 95 % num_heads 3 != 0; nearest that divide: num_heads 1 or "
        "5, embed_dim 93 or 96",
        "c.yaml:1:20: [model] stage 2: embed_dim 95 * 2 = 190 % num_heads 6 != 0; nearest that "
        "divide: num_heads 5 or 10, embed_dim 93 or 96",
        "c.yaml:1:20: [model] stage 3: embed_dim 95 * 4 = 380 % num_heads 12 != 0; nearest that "
        "divide: num_heads 10 or 19, embed_dim 93 or 96",
        "c.yaml:1:20: [model] stage 4: embed_dim 95 * 8 = 760 % num_heads 24 != 0; nearest that "
        "divide: num_heads 20 or 38, embed_dim 93 or 96"}},
      {"model: {head: {type: upernet, auxiliary: {stage: 4}}}",
       {"c.yaml:1:50: [model] head.auxiliary.stage 4: the model has stages 0 to 3; use auto, or "
        "auxiliary: none"}},
      {"model: {depths: [2, 2]}",
       {"c.yaml:1:17: [model] depths [2, 2] has 2 stages, num_heads [3, 6, 12, 24] has 4; give one "
        "of each a stage"}},
      {"model: {image_size: [32, 16], patch_size: 8}",
       {"c.yaml:1:43: [model] image_size 32x16 at patch_size 8x8 shrinks to one token before stage "
        "4 of 4 (stage 1: 4x2, 2: 2x1, 3: 1x1); use at most 3 stages or smaller patches"}},
      {"model: {image_size: 7, patch_size: 4, depths: [1, 1], num_heads: [1, 1]}",
       {"c.yaml:1:47: [model] image_size 7x7 at patch_size 4x4 shrinks to one token before stage "
        "2 of 2 (stage 1: 1x1); use at most 1 stage or smaller patches"}},
      {"model: {patch_embed: {type: overlap, kernel: [7, 3]}}",
       {"c.yaml:1:46: [model] patch_embed.kernel 7x3 is smaller than patch_size 4x4: pixels "
        "between kernels would not be seen; use a kernel of at least the patch, or auto"}},
      {"model: {patch_embed: {type: overlap, padding: 7}}",
       {"c.yaml:1:47: [model] patch_embed.padding 7 leaves the first kernel, 7x7, nothing but "
        "zeros; use less than 7, or same"}},
      {"model: {image_size: 32, patch_embed: {type: overlap, padding: 1, kernel: 35}}",
       {"c.yaml:1:63: [model] patch_embed.kernel 35x35 is larger than image_size 32x32 with "
        "padding 1; use padding same or a smaller kernel"}},
      {"model: {patch_size: [4, 7], patch_embed: {type: conv_stem}}",
       {"c.yaml:1:21: [model] patch_embed.type conv_stem halves the map step by step, patch_size 7 "
        "is no power of two; use 4 or 8, or another type"}},
      {"model: {patch_embed: {type: conv_stem, stem_channels: [32]}}",
       {"c.yaml:1:55: [model] patch_embed.stem_channels has 1 entry, patch_size 4x4 takes 2 "
        "convolutions of stride 2; give at least 2, or auto"}},
      {"model: {patch_embed: {type: overlap, stride: 2}}",
       {"c.yaml:1:46: [model] patch_embed.stride 2x2: that of overlap is patch_size, 4x4; leave it "
        "out or set patch_size"}},
      {"model: {patch_embed: {type: sliding, stride: 5}}",
       {"c.yaml:1:46: [model] patch_embed.stride 5x5 is larger than patch_size 4x4: pixels between "
        "patches would not be seen; use at most the patch, or auto for half of it"}},
      {"model: {image_size: 32, patch_embed: {type: shifted, shift_pixels: 32}}",
       {"c.yaml:1:68: [model] patch_embed.shift_pixels 32x32 shifts all of image_size 32x32 out of "
        "sight; use less, or auto for half the patch"}},
      {"model: {patch_embed: {type: cross_scale, kernels: [4, 3]}}",
       {"c.yaml:1:55: [model] patch_embed.kernels: 3 is smaller than patch_size 4x4: pixels "
        "between "
        "kernels would not be seen; use at least the patch"}},
      {"model: {embed_dim: 36, num_heads: [3, 3, 3, 3], patch_embed: {type: cross_scale}}",
       {"c.yaml:1:20: [model] embed_dim 36 cannot be split over 4 kernels (C/2, C/4, ...): 36 % 8 "
        "!= 0; use 32 or 40, or fewer kernels"}},
      {"model: {patch_merging: {type: cross_scale, kernels: [2, 3, 4, 5, 6, 7, 8, 9]}}",
       {"c.yaml:1:53: [model] patch_merging.kernels: 192 channels cannot be split over 8 kernels "
        "(C/2, C/4, ...): 192 % 128 != 0; use fewer kernels or another embed_dim"}},
      {"model: {channel_multiplier: [2, 2]}",
       {"c.yaml:1:29: [model] channel_multiplier has 2 entries; give one number, or 3, one a "
        "merging"}},
      {"model: {channel_multiplier: 1.1, num_heads: [1, 1, 1, 1]}",
       {"c.yaml:1:29: [model] stage 2: 96 * channel_multiplier is no whole number of channels; "
        "nearest that work: embed_dim 1000"}},
      {"model: {channel_multiplier: 1.5, num_heads: [3, 6, 12, 16]}",
       {"c.yaml:1:56: [model] stage 4: embed_dim 96 * 3.375 = 324 % num_heads 16 != 0; nearest "
        "that "
        "divide: num_heads 12 or 18, embed_dim 384"}},
      {"model: {token_shift: [0.5, 0.5]}",
       {"c.yaml:1:22: [model] token_shift has 2 entries; give one number, or 4, one a stage"}},
      {"model: {name: vit, depths: [2], num_heads: [3], pool: token, token_shift: 0.5}",
       {"c.yaml:1:75: [model] token_shift: the class token of pool token has no neighbours; use 0, "
        "or pool mean"}},
      {"model: {mlp_ratio: 0.01}",
       {"c.yaml:1:20: [model] mlp_ratio 0.01 of embed_dim 96 leaves no hidden channel"}},
      {"model: {name: vit}",
       {"c.yaml:1:15: [model] depths [2, 2, 6, 2] has 4 stages, vit has one: depths: [12]"}},
      {"model: {pool: token}",
       {"c.yaml:1:15: [model] pool token needs the class token of vit; use mean"}},
      {"model: {name: vit, depths: [2], num_heads: [3], pool: token, position: relative}",
       {"c.yaml:1:72: [model] the class token of pool token has no place relative to others; use "
        "position absolute or sincos, or pool mean"}},
      {"model: {position: [relative, continuous]}",
       {"c.yaml:1:19: [model] position relative and continuous are two ways to one bias; use one"}},
      {"model: {position: [absolute, sincos]}",
       {"c.yaml:1:19: [model] position absolute and sincos are two ways to one table; use one"}},
      {"model: {position: sincos, embed_dim: 6, num_heads: [1, 1, 1, 1]}",
       {"c.yaml:1:38: [model] position sincos needs embed_dim % 4 == 0, got 6; try 8"}},
      {"model: {pretrained_window_size: [12, 6]}",
       {"c.yaml:1:33: [model] pretrained_window_size has 2 entries, depths 4; give one a stage"}},
      {"model: {num_classes: 9}\ndata: {name: cifar10}",
       {"c.yaml:1:22: [model] num_classes 9 is less than the 10 classes of cifar10; use auto"}},
      {"model: {in_channels: 3}\ndata: {name: mnist}",
       {"c.yaml:1:22: [model] in_channels 3, but mnist has 1; use auto"}},
      {"model: {image_size: 224}\ndata: {name: cifar100}",
       {"c.yaml:1:21: [model] image_size 224x224, but images of cifar100 are 32x32; use auto"}},
      {"data: {name: mnist, normalize: {mean: [1, 2], std: [1]}}",
       {"c.yaml:1:39: data.normalize.mean: 2 given, but images of mnist have 1 channels"}},
      {"optim: {lr: {base: 1e-3, scale_with: linear}, schedule: {min_lr: 1e-3}}\n"
       "data: {batch_size: 32, accumulate: 2}",
       {"c.yaml:1:66: [optim] min_lr 0.001 is above lr 0.00025"}},
      {"optim: {schedule: {name: linear, cycles: 3}}",
       {"c.yaml:1:42: [optim] schedule.cycles 3 is for schedule.name cosine; leave it out"}},
      {"optim: {lr: 1e-3, schedule: {min_lr: 1e-2}}",
       {"c.yaml:1:38: [optim] min_lr 0.01 is above lr 0.001"}},
      {"optim: {schedule: {name: step}}",
       {"c.yaml:1:26: [optim] schedule step needs milestones: [epoch, ...]"}},
      {"optim: {schedule: {milestones: [3, 3]}}",
       {"c.yaml:1:32: [optim] milestones [3, 3] do not rise"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(errors_of(c.text) == lines(c.errors));
  }
}

TEST_CASE("values at the edge of what fits are accepted") {
  for (const std::string text : {
           "model: {image_size: 28, patch_size: 28, depths: [1], num_heads: [3]}",
           "model: {image_size: 32, patch_size: 8, depths: [1, 1, 1], num_heads: [1, 2, 4]}",
           "model: {image_size: [1, 8], patch_size: [1, 2], depths: [1, 1], num_heads: [1, 1]}",
           "model: {num_classes: 11}\ndata: {name: cifar10}",
           "optim: {lr: 1e-3, schedule: {min_lr: 1e-3}}",
           "optim: {schedule: {name: step, milestones: [1, 1.5]}}",
           "data: {normalize: {mean: [1], std: auto}}",
       }) {
    CAPTURE(text);
    CHECK(errors_of(text) == lines({}));
  }
}

TEST_CASE("a key that could not be read causes no second error") {
  CHECK(errors_of("model: {image_size: 4, patch_sise: 2, depths: [1], num_heads: [1]}") ==
        lines({"c.yaml:1:24: unknown key model.patch_sise; did you mean patch_size?"}));
  CHECK(errors_of("model: {embed_dim: x, num_heads: [5, 6, 7, 8]}") ==
        lines({"c.yaml:1:20: model.embed_dim: expected an integer, got \"x\""}));
  CHECK(errors_of("model: [1]\ndata: {name: mnist}") ==
        "c.yaml:1:8: model: expected a map of keys, got a list");
}
