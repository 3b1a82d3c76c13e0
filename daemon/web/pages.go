package web

import (
	"bytes"
	"strconv"
	"strings"
)

// The pages are put together by hand: html/template, and text/template under it, look up
// methods by name, for which the linker keeps every method of every type (2 MB).

// page is a page that is being made.
type page struct{ bytes.Buffer }

// put adds a format, in which each %s is replaced by the next value, made safe for text and
// for attributes in double quotes.
func (p *page) put(format string, values ...string) {
	for _, v := range values {
		before, after, _ := strings.Cut(format, "%s")
		p.WriteString(before)
		p.text(v)
		format = after
	}
	p.WriteString(format)
}

// when is put where a condition holds.
func (p *page) when(ok bool, format string, values ...string) {
	if ok {
		p.put(format, values...)
	}
}

// text adds s as text that no browser takes for anything else.
func (p *page) text(s string) {
	last := 0
	for i := 0; i < len(s); i++ {
		var safe string
		switch s[i] {
		case '&':
			safe = "&amp;"
		case '<':
			safe = "&lt;"
		case '>':
			safe = "&gt;"
		case '"':
			safe = "&#34;"
		case '\'':
			safe = "&#39;"
		case '+':
			safe = "&#43;" // UTF-7
		case 0:
			safe = "\uFFFD"
		default:
			continue
		}
		p.WriteString(s[last:i])
		p.WriteString(safe)
		last = i + 1
	}
	p.WriteString(s[last:])
}

// view is a page's data, which knows how to become one.
type view interface{ put(*page) }

func (c *common) head(p *page) {
	p.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>%s</title>\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<meta name=\"color-scheme\" content=\"light dark\">", c.Title)
	p.when(c.Again, "\n<meta http-equiv=\"refresh\" content=\"5\">")
	p.put("\n<link href=\"stylesheets/supervisor.css\" rel=\"stylesheet\">\n" +
		"<link href=\"images/icon.svg\" rel=\"icon\" type=\"image/svg+xml\">\n" +
		"<script src=\"scripts/supervisor.js\" type=\"module\"></script>\n</head>\n")
}

func (c *common) foot(p *page) {
	p.put("<footer id=\"footer\">\n  <span>gosv %s</span>\n  <span>compatible with "+
		"<a href=\"http://supervisord.org\" rel=\"noreferrer\">Supervisor</a></span>\n</footer>\n</body>\n</html>\n", c.Version)
}

const header = `<header id="header">
  <img src="images/icon.svg" alt="" width="32" height="32">
  <h1>`

func (n notice) put(p *page) {
	n.common.Title = n.Title
	n.head(p)
	p.put("<body data-page=\"notice\">\n"+header+"%s</h1>\n  <span id=\"identification\">%s</span>\n</header>\n<main class=\"narrow\">",
		n.Title, n.Identification)
	p.when(n.Message != "", "\n<div class=\"status_msg\" role=\"status\">%s</div>", n.Message)
	class := "status_msg bad"
	if n.Message != "" {
		class = "more"
	}
	p.put("\n<p class=\"%s\">%s</p>\n<p><a href=\"index.html\">Supervisor Status</a></p>\n</main>\n", class, n.Text)
	n.foot(p)
}

func (c confirmPage) put(p *page) {
	c.head(p)
	p.put("<body data-page=\"notice\">\n"+header+"Supervisor Status</h1>\n  <span id=\"identification\">%s</span>\n</header>\n"+
		"<main class=\"narrow\">\n<form method=\"post\" action=\"index.html\">\n  <p id=\"question\">%s</p>\n"+
		"  <input type=\"hidden\" name=\"action\" value=\"%s\">", c.Identification, shown(c.Title), c.Action)
	p.when(c.Namespec != "", "\n  <input type=\"hidden\" name=\"processname\" value=\"%s\">", c.Namespec)
	p.put("\n  <p class=\"choice\"><a href=\"index.html\">Cancel</a><button class=\"danger\">%s</button></p>\n</form>\n</main>\n", c.Label)
	c.foot(p)
}

func (s statusPage) put(p *page) {
	s.head(p)
	p.put("<body data-page=\"status\" data-now=\"%s\">\n"+header+"Supervisor Status</h1>\n"+
		"  <span id=\"identification\">%s</span>\n  <span id=\"live\" hidden></span>\n</header>\n<main>\n",
		strconv.FormatInt(s.Now, 10), s.Identification)
	class := "hidden"
	switch {
	case s.Message != "" && s.Bad:
		class = "status_msg bad"
	case s.Message != "":
		class = "status_msg"
	}
	p.put("<div id=\"message\" class=\"%s\" role=\"status\">%s</div>\n", class, shown(s.Message))
	p.put(`
<div id="toolbar">
  <ul id="buttons">
    <li class="action-button"><a href="index.html?action=refresh">Refresh</a></li>
    <li class="action-button"><a href="index.html?action=restartall" data-confirm="restartall">Restart All</a></li>
    <li class="action-button"><a href="index.html?action=stopall" data-confirm="stopall">Stop All</a></li>
  </ul>
  <label id="filter" hidden><span>Filter</span><input type="search" placeholder="Filter" autocomplete="off" spellcheck="false"><kbd>/</kbd></label>
</div>`)
	if len(s.Rows) == 0 {
		p.put("\n<p id=\"empty\">No programs to manage</p>")
	} else {
		p.put(`
<p id="summary">%s</p>
<table role="table">
  <thead role="rowgroup">
  <tr role="row">
    <th class="state" role="columnheader">State</th>
    <th class="desc" role="columnheader">Description</th>
    <th class="name" role="columnheader">Name</th>
    <th class="action" role="columnheader">Action</th>
  </tr>
  </thead>
  <tbody role="rowgroup">`, s.Summary)
		for _, r := range s.Rows {
			p.put("\n")
			r.put(p)
		}
		p.put("\n  </tbody>\n</table>\n<p id=\"none\" hidden>No process matches the filter.</p>")
	}
	p.put(`
</main>
<dialog id="confirm" aria-labelledby="question">
  <form method="post" action="index.html">
    <p id="question"></p>
    <p class="choice"><button type="button" class="cancel">Cancel</button><button class="danger" name="action"></button></p>
  </form>
</dialog>
`)
	s.foot(p)
}

func (r *row) put(p *page) {
	p.put("<tr role=\"row\" data-name=\"%s\" data-rev=\"%s\"", r.Namespec, r.Rev)
	p.when(r.Start != 0, " data-start=\"%s\"", strconv.FormatInt(r.Start, 10))
	p.when(r.Shade, " class=\"shade\"")
	p.put(">\n<td class=\"status\" role=\"cell\"><span class=\"%s\" data-state=\"%s\">%s</span></td>\n", r.Class, r.State, r.State)
	p.put("<td class=\"desc\" role=\"cell\"><span class=\"info\">%s</span></td>\n", r.Info)
	p.put("<td class=\"name\" role=\"cell\"><a href=\"tail.html?processname=%s\" target=\"_blank\" rel=\"noopener\">%s</a></td>\n",
		quote(r.Namespec), shown(r.Namespec))
	p.put("<td class=\"action\" role=\"cell\"><form method=\"post\" action=\"index.html\">"+
		"<input type=\"hidden\" name=\"processname\" value=\"%s\"><ul>", r.Namespec)
	for _, a := range r.Actions {
		switch {
		case a.Action != "":
			p.put("<li><button name=\"action\" value=\"%s\" aria-label=\"%s %s\">%s</button></li>", a.Action, a.Label, r.Namespec, a.Label)
		case a.Href != "":
			p.put("<li><a href=\"%s\" target=\"_blank\" rel=\"noopener\" aria-label=\"%s %s\">%s</a></li>", a.Href, a.Label, r.Namespec, a.Label)
		default:
			p.put("<li class=\"hidden\"></li>")
		}
	}
	p.put("</ul></form></td>\n</tr>")
}

func (t tailPage) put(p *page) {
	name, limit := quote(t.Namespec), strconv.FormatInt(t.Limit, 10)
	stream := ""
	if t.Stream == "stderr" {
		stream = "&stream=stderr"
	}
	current := func(ok bool) string {
		if ok {
			return ` aria-current="true"`
		}
		return ""
	}
	t.head(p)
	title := shown(t.Namespec)
	if title == "" {
		title = "No process"
	}
	p.put("<body data-page=\"tail\">\n"+header+"<a href=\"index.html\">Status</a>%s</h1>\n  <span id=\"identification\">%s</span>\n"+
		"  <span id=\"live\" hidden></span>\n</header>\n<main class=\"tail\">", title, t.Identification)
	if t.Namespec != "" {
		p.put("\n<div id=\"toolbar\">\n  <ul id=\"buttons\">\n    <li class=\"action-button\"><a id=\"refresh\" "+
			"href=\"tail.html?processname=%s&amp;limit=%s%s\">Refresh</a></li>", name, limit, stream)
		if t.Known {
			href := "logtail/" + name
			if stream != "" {
				href += "/stderr"
			}
			p.put("\n    <li class=\"action-button\"><button id=\"follow\" type=\"button\" aria-pressed=\"false\" data-href=\"%s\" hidden>Follow</button></li>", href)
		}
		p.put("\n  </ul>\n  <ul class=\"choices\" aria-label=\"Stream\">\n    <li><a href=\"tail.html?processname=%s&amp;limit=%s\"", name, limit)
		p.put(current(stream == "") + ">stdout</a></li>\n")
		p.put("    <li><a href=\"tail.html?processname=%s&amp;limit=%s&amp;stream=stderr\"", name, limit)
		p.put(current(stream != "") + ">stderr</a></li>\n  </ul>\n  <ul class=\"choices\" aria-label=\"How much\">")
		for _, l := range t.Limits {
			p.put("\n    <li><a href=\"tail.html?processname=%s&amp;limit=%s%s\"", name, strconv.FormatInt(l.Bytes, 10), stream)
			p.put(current(l.Bytes == t.Limit)+">%s</a></li>", l.Label)
		}
		p.put("\n  </ul>\n</div>")
	}
	p.put("\n<pre id=\"log\" tabindex=\"0\"")
	p.when(t.Failed, " class=\"failed\"")
	p.put(" aria-label=\"Log\">\n%s</pre>\n</main>\n", t.Text)
	t.foot(p)
}
