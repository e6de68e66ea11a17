// Takes [{"language": "promql" | "logql", "expression": "…"}] on stdin and prints, for each, what its
// grammar finds: {"errors": ["…"], "selectors": [{"metric", "labels", "text"}], "grouping": ["…"]}.
import { readFileSync } from 'node:fs';
import { parser as promql } from '@prometheus-io/lezer-promql';
import { parser as logql } from '@grafana/lezer-logql';

function around(expression, node) {
  return expression.slice(Math.max(0, node.from - 20), node.to + 20);
}

// A vector selector is a metric's name, matchers of labels, or both.
function selector(expression, node) {
  const text = expression.slice(node.from, node.to);
  const name = node.getChild('Identifier');
  const matchers = node.getChild('LabelMatchers');
  const labels = [];
  if (matchers) {
    matchers.cursor().iterate((inner) => {
      if (inner.name === 'LabelName') labels.push(expression.slice(inner.from, inner.to));
    });
  }
  return { metric: name ? expression.slice(name.from, name.to) : '', labels, text };
}

function look({ language, expression }) {
  const found = { errors: [], selectors: [], grouping: [] };
  const parser = language === 'logql' ? logql : promql;
  parser.parse(expression).iterate({
    enter(ref) {
      const node = ref.node;
      if (node.type.isError) found.errors.push(around(expression, node));
      if (node.name === 'VectorSelector') found.selectors.push(selector(expression, node));
      if (node.name === 'GroupingLabels') {
        node.cursor().iterate((inner) => {
          if (inner.name === 'LabelName') found.grouping.push(expression.slice(inner.from, inner.to));
        });
      }
    },
  });
  return found;
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(look)));
