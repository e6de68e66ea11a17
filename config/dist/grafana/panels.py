"""Panels of Grafana from a few words each: where they stand, and what is the same in all of them."""

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
LOKI = {"type": "loki", "uid": "${loki}"}
WIDTH = 24
STATES = ("stopped", "starting", "online", "reloading", "stopping", "backoff", "errored")
STATE_COLORS = ("gray", "light-blue", "green", "blue", "light-yellow", "orange", "red")
OK_BAD = ((None, "green"), (1, "red"))


def thresholds(steps):
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def target(expr, legend="", datasource=None, **more):
    return {"datasource": datasource or PROMETHEUS, "expr": expr, "legendFormat": legend, **more}


def targets_of(queries, **more):
    """`queries`: one expression, or {legend: expression}; refId A, B, C ..."""
    pairs = queries.items() if isinstance(queries, dict) else [("", queries)]
    made = []
    for i, (legend, expr) in enumerate(pairs):
        made.append(target(expr, legend, refId=chr(ord("A") + i), **more))
    return made


class Dashboard:
    """Collects panels; they stand from left to right, and in a new line where one does not fit any more."""

    def __init__(self, uid, title, description, variables):
        self.uid, self.title, self.description, self.variables = uid, title, description, variables
        self.panels, self.x, self.y, self.line = [], 0, 0, 0

    def place(self, width, height):
        if self.x + width > WIDTH:
            self.x, self.y, self.line = 0, self.y + self.line, 0
        where = {"x": self.x, "y": self.y, "w": width, "h": height}
        self.x, self.line = self.x + width, max(self.line, height)
        return where

    def add(self, kind, title, description, width, height, **more):
        self.panels.append({"id": len(self.panels) + 1, "type": kind, "title": title, "description": description,
                            "gridPos": self.place(width, height), "datasource": PROMETHEUS, **more})

    def row(self, title):
        self.x, self.y, self.line = 0, self.y + self.line, 0
        self.panels.append({"id": len(self.panels) + 1, "type": "row", "title": title, "collapsed": False,
                            "gridPos": self.place(WIDTH, 1), "panels": []})

    def stat(self, title, description, expr, unit="none", steps=((None, "text"),), width=4, decimals=None, **more):
        """One number now, with its course behind it; colored if `steps` say more than one color."""
        defaults = {"unit": unit, "thresholds": thresholds(steps), "color": {"mode": "thresholds"}, **more}
        if decimals is not None:
            defaults["decimals"] = decimals
        self.add("stat", title, description, width, 4, targets=targets_of(expr),
                 fieldConfig={"defaults": defaults, "overrides": []},
                 options={"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                          "colorMode": "background" if len(steps) > 1 else "value", "graphMode": "area",
                          "textMode": "auto", "justifyMode": "auto", "orientation": "auto",
                          "wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard"})

    def graph(self, title, description, queries, unit="none", width=12, height=8, stack=False, bars=False,
              steps=None, low=0, high=None):
        """Lines over time. `steps`: colors from where on a line is bad."""
        custom = {"drawStyle": "bars" if bars else "line", "lineWidth": 1, "fillOpacity": 60 if bars else 10,
                  "showPoints": "never", "spanNulls": False, "stacking": {"mode": "normal" if stack or bars else "none"}}
        defaults = {"unit": unit, "custom": custom, "color": {"mode": "palette-classic"}}
        if low is not None:
            defaults["min"] = low
        if high is not None:
            defaults["max"] = high
        if steps:
            defaults["thresholds"] = thresholds(steps)
            custom["thresholdsStyle"] = {"mode": "dashed"}
        self.add("timeseries", title, description, width, height, targets=targets_of(queries),
                 fieldConfig={"defaults": defaults, "overrides": []},
                 options={"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True,
                                     "calcs": ["lastNotNull", "max"]},
                          "tooltip": {"mode": "multi", "sort": "desc"}})

    def states(self, title, description, expr, legend, width=WIDTH, height=6):
        """Bands over time, a color for each of a worker's states; expr says 1 for the first of STATES."""
        names = {str(i): {"text": state, "color": color, "index": i}
                 for i, (state, color) in enumerate(zip(STATES, STATE_COLORS), 1)}
        self.add("state-timeline", title, description, width, height, targets=targets_of({legend: expr}),
                 fieldConfig={"defaults": {"mappings": [{"type": "value", "options": names}],
                                           "color": {"mode": "thresholds"},
                                           "thresholds": thresholds([(None, "text")]),
                                           "custom": {"lineWidth": 0, "fillOpacity": 80}}, "overrides": []},
                 options={"mergeValues": True, "showValue": "never", "alignValue": "left", "rowHeight": 0.85,
                          "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                          "tooltip": {"mode": "single", "sort": "none"}})

    def table(self, title, description, columns, by, width=WIDTH, height=8, links=None):
        """A line for each set of labels `by`; columns: {head: (expression, unit, steps or None)}. A column
        without a unit is not shown: it is there for its labels."""
        queries = [target(expr, refId=chr(ord("A") + i), format="table", instant=True, range=False)
                   for i, (expr, _, _) in enumerate(columns.values())]
        single = len(columns) == 1
        heads = {("Value" if single else f"Value #{query['refId']}"): head for query, head in zip(queries, columns)}
        hidden = {name: True for name, head in heads.items() if columns[head][1] is None}
        order = {name: i for i, name in enumerate([*by, *heads])}
        overrides = []
        for head, (_, unit, steps) in columns.items():
            if unit is None:
                continue
            properties = [{"id": "unit", "value": unit}]
            if steps:
                properties += [{"id": "thresholds", "value": thresholds(steps)},
                               {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}}]
            overrides.append({"matcher": {"id": "byName", "options": head}, "properties": properties})
        for name, url in (links or {}).items():
            overrides.append({"matcher": {"id": "byName", "options": name}, "properties": [
                {"id": "links", "value": [{"title": "look at it", "url": url}]}]})
        self.add("table", title, description, width, height, targets=queries,
                 fieldConfig={"defaults": {"custom": {"align": "auto", "filterable": True}}, "overrides": overrides},
                 transformations=[{"id": "merge", "options": {}},
                                  {"id": "organize", "options": {"excludeByName": {"Time": True, **hidden},
                                                                 "indexByName": order, "renameByName": heads}}],
                 options={"frameIndex": 0, "showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": []}})

    def logs(self, title, description, expr, height=10):
        self.add("logs", title, description, WIDTH, height, targets=[target(expr, refId="A", datasource=LOKI)],
                 options={"showTime": True, "showLabels": False, "showCommonLabels": False, "showLogContextToggle": False,
                          "wrapLogMessage": True, "sortOrder": "Descending",
                          "enableLogDetails": True, "dedupStrategy": "none", "prettifyLogMessage": False})
        self.panels[-1]["datasource"] = LOKI

    def log_graph(self, title, description, queries, unit="none", height=6):
        self.graph(title, description, queries, unit, WIDTH, height, bars=True)
        self.panels[-1]["datasource"] = LOKI
        for query in self.panels[-1]["targets"]:
            query["datasource"] = LOKI

    def document(self):
        return {
            "uid": self.uid, "title": self.title, "description": self.description, "tags": ["tend"],
            "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1, "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"}, "timezone": "browser", "annotations": {"list": []},
            "templating": {"list": self.variables},
            "links": [{"type": "dashboards", "tags": ["tend"], "title": "tend", "icon": "external link", "tooltip": "",
                       "asDropdown": True, "targetBlank": False, "includeVars": True, "keepTime": True}],
            "panels": self.panels,
        }


def source(name, label, kind):
    return {"name": name, "label": label, "type": "datasource", "query": kind,
            "current": {"text": "default", "value": "default"}, "hide": 0}


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": PROMETHEUS, "definition": query,
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 3, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}, "hide": 0}
