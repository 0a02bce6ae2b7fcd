#include "report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "report/plot/drawing.h"
#include "report/plot/number.h"

namespace tessera::report {
namespace {

void add_head(Markup& html, const Page& page) {
  html.open("head");
  html.empty("meta", {{"charset", "utf-8"}});
  html.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  html.empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  html.element("title", page.title + " – Tessera");
  html.open("style").raw(kPlotCss).raw(kPageCss).close();
  html.close();
}

/// Nine tiles: the mark of the program.
void add_brand(Markup& html) {
  html.open("p", {{"class", "brand"}}).open("i", {{"aria-hidden", "true"}});
  for (const char* color : {"s0", "s5", "s0", "s5", "s1", "s5", "s0", "s5", "s0"}) {
    html.element("b", {{"class", color}}, "");
  }
  html.close().text("tessera report").close();
}

void add_header(Markup& html, const Page& page) {
  html.open("header");
  add_brand(html);
  html.element("h1", page.title);
  html.element("p", {{"class", "lead"}}, page.lead);
  for (const std::string& notice : page.notices) {
    html.element("p", {{"class", "notice"}}, notice);
  }
  html.open("dl", {{"class", "facts"}});
  for (const Fact& fact : page.facts) {
    html.open("div").element("dt", fact.name).open("dd").text(fact.value);
    if (!fact.note.empty()) html.element("small", fact.note);
    html.close().close();
  }
  html.close().close();
}

void add_navigation(Markup& html, const Page& page) {
  html.open("nav", {{"aria-label", "Sections"}}).open("ul");
  for (const Section& section : page.sections) {
    html.open("li").element("a", {{"href", "#" + section.id}}, section.title).close();
  }
  html.close().close();
}

void add_head_row(Markup& html, const Table& table) {
  html.open("thead").open("tr");
  for (std::size_t column = 0; column < table.heads.size(); ++column) {
    const bool is_text =
        std::none_of(table.rows.begin(), table.rows.end(),
                     [&](const std::vector<Cell>& row) { return row[column].is_number; });
    html.element("th", {{"class", is_text ? "text" : ""}, {"scope", "col"}}, table.heads[column]);
  }
  html.close().close();
}

void add_cell(Markup& html, const Cell& cell) {
  if (!cell.is_number) {
    html.element("td", {{"class", "text"}}, cell.text);
    return;
  }
  html.open("td", {{"data-value", fmt::format("{:.6g}", cell.value)}}).text(cell.text);
  if (cell.bar > 0.0) {
    html.element("span",
                 {{"class", "bar"}, {"style", fmt::format("width:{:.1f}%", 100.0 * cell.bar)}}, "");
  }
  html.close();
}

}  // namespace

std::string to_html(const Page& page) {
  Markup html;
  html.raw("<!DOCTYPE html>\n").open("html", {{"lang", "en"}});
  add_head(html, page);
  html.open("body");
  html.element("a", {{"class", "skip"}, {"href", "#content"}}, "Skip to the content");
  add_header(html, page);
  add_navigation(html, page);
  html.open("main", {{"id", "content"}});
  for (const Section& section : page.sections) {
    html.open("section", {{"id", section.id}}).element("h2", section.title);
    html.element("p", {{"class", "lead"}}, section.lead);
    html.raw(section.body.str()).close();
  }
  html.close();
  html.element("footer", "Written by tessera " TESSERA_VERSION
                         ". This file holds everything it shows and loads nothing.");
  html.open("script").raw(kPageJs).close();
  html.close().close();
  return html.str();
}

void add_figure(Markup& html, const Drawing& drawing, std::string_view caption) {
  html.open("figure").raw(drawing.svg).element("figcaption", caption).close();
}

void add_table(Markup& html, const Table& table) {
  html.open("div", {{"class", "scroll"}, {"tabindex", "0"}});
  html.open("table", {{"class", table.sortable ? "sortable" : ""}});
  add_head_row(html, table);
  html.open("tbody");
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const bool marked = std::count(table.marked.begin(), table.marked.end(), i) > 0;
    html.open("tr", {{"class", marked ? "marked" : ""}});
    for (const Cell& cell : table.rows[i]) add_cell(html, cell);
    html.close();
  }
  html.close().close().close();
}

void add_pairs(Markup& html, const std::vector<std::pair<std::string, std::string>>& pairs) {
  html.open("dl", {{"class", "pairs"}});
  for (const auto& [name, value] : pairs) html.element("dt", name).element("dd", value);
  html.close();
}

std::string sentence_case(std::string text) {
  const std::string word = text.substr(0, text.find(' '));
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.empty() || std::ranges::any_of(word, is_capital)) return text;
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace tessera::report
