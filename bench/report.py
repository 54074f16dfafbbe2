"""What every benchmark ends with: samples in, a table or one line of JSON per contender and metric out."""

import json
import statistics


class Samples:
    """Values by contender and metric, in the order in which they were first seen."""

    def __init__(self, bench):
        self.bench = bench
        self.values = {}
        self.units = {}

    def add(self, contender, metric, unit, value):
        self.values.setdefault((contender, metric), []).append(value)
        self.units[metric] = unit

    def rows(self):
        for (contender, metric), values in self.values.items():
            yield {"bench": self.bench, "contender": contender, "metric": metric, "unit": self.units[metric],
                   "median": round(statistics.median(values), 3), "min": round(min(values), 3),
                   "max": round(max(values), 3), "runs": len(values)}

    def as_json(self):
        return "\n".join(json.dumps(row) for row in self.rows())

    def as_table(self):
        """One line per contender, one column per metric: median (min–max)."""
        contenders = list(dict.fromkeys(contender for contender, _ in self.values))
        metrics = list(self.units)
        by_cell = {(row["contender"], row["metric"]): row for row in self.rows()}
        lines = [[self.bench] + [f"{metric} [{self.units[metric]}]" for metric in metrics]]
        lines += [[contender] + [cell(by_cell.get((contender, metric))) for metric in metrics] for contender in contenders]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)


def cell(row):
    return f"{row['median']:.2f} ({row['min']:.2f}–{row['max']:.2f})" if row else "-"
