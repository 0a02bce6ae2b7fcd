// The sections of the report on a run. One that has nothing to show is nothing.
#pragma once

#include <optional>

#include "report/page.h"
#include "report/plot/plot.h"
#include "report/run_view.h"

namespace tessera::report {

/// Loss, accuracy, learning rate and gradient norm.
std::optional<Section> curves_section(const RunRecord& record);

/// The most confident mistakes, as pictures.
std::optional<Section> mistakes_section(const RunView& view);

/// Confusion matrix and a table of the classes.
std::optional<Section> classes_section(const RunView& view);

/// Confidence against the share of right answers.
std::optional<Section> calibration_section(const RunView& view);

/// The worst and the best images of segmentation, with truth, prediction and errors.
std::optional<Section> masks_section(const RunView& view);

/// The classes of pixels: IoU and the like, and the confusion matrix.
std::optional<Section> mask_classes_section(const RunView& view);

/// The test images with most missed and invented boxes.
std::optional<Section> boxes_section(const RunView& view);

/// AP of the classes and by size, precision and recall, the confusion matrix with nothing.
std::optional<Section> box_classes_section(const RunView& view);

/// Test images, what a model saw of them, and that filled in.
std::optional<Section> filled_section(const RunView& view);

/// Grad-CAM of wrong and right answers over all classes.
std::optional<Section> class_maps_section(RunView& view);

/// Where the blocks look, over test images.
std::optional<Section> attention_section(RunView& view);

/// Filters of the patch embedding and their spectra.
std::optional<Section> filters_section(RunView& view);

/// Receptive field of the embedding and of every stage.
std::optional<Section> receptive_field_section(RunView& view);

/// Answers while the image moves.
std::optional<Section> translation_section(RunView& view);

/// Position biases of every head, or the likeness of learned positions.
std::optional<Section> position_section(RunView& view);

/// The stage plan, speed and memory.
std::optional<Section> cost_section(const RunView& view);

/// Configuration and environment.
std::optional<Section> setup_section(const RunRecord& record);

/// The charts of curves_section, those that have points.
struct Curves {
  Plot loss, main, learning_rate, gradient_norm;
  /// Where the updates have another loss than the validation: `loss` is that of the validation
  /// then.
  std::optional<Plot> training_loss{};
};
Curves curves_of(const RunRecord& record);

}  // namespace tessera::report
