// A report as one HTML file, and what its sections are made of.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/plot/drawing.h"
#include "report/plot/markup.h"

namespace tessera::report {

/// `id` is its place in the address; `lead` says in a sentence or two what is to be seen.
struct Section {
  std::string id;
  std::string title;
  std::string lead;
  Markup body;
};

/// One of the numbers at the top: `Test top-1`, `89.17 %`, `of 10 000 images`.
struct Fact {
  std::string name;
  std::string value;
  std::string note;
};

struct Page {
  std::string title;
  std::string lead;
  std::vector<std::string> notices;  ///< what is missing or not yet there, a sentence each
  std::vector<Fact> facts;
  std::vector<Section> sections;
};

/// With a capital at the start.
std::string sentence_case(std::string text);

/// The whole file; it loads nothing from anywhere.
std::string to_html(const Page& page);

/// A chart with what one sees and how it was computed.
void add_figure(Markup& html, const Drawing& drawing, std::string_view caption);

struct Cell {
  std::string text;
  double value = 0.0;  ///< to sort by, of numbers
  bool is_number = false;
  double bar = 0.0;  ///< 0..1: length of a bar below the number; 0: none

  Cell(std::string text_) : text(std::move(text_)) {}  // NOLINT(google-explicit-constructor)
  Cell(std::string text_, double value_, double bar_ = 0.0)
      : text(std::move(text_)), value(value_), is_number(true), bar(bar_) {}
};

struct Table {
  std::vector<std::string> heads;
  std::vector<std::vector<Cell>> rows;
  bool sortable = false;
  std::vector<std::size_t> marked{};  ///< rows that stand out
};

/// The first column and columns of texts are set left, numbers right.
void add_table(Markup& html, const Table& table);

/// Names and values in two columns.
void add_pairs(Markup& html, const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace tessera::report
