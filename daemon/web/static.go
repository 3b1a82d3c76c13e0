package web

import (
	"bytes"
	"embed"
	"net/http"
	"path"
)

// assets are, below the original's directories, the files of the page.
//
//go:embed assets
var assets embed.FS

// static answers with a file of the page, by the original's rules: a directory without its
// slash is sent to the one with it, where there is nothing to see.
func (h *handler) static(w http.ResponseWriter, r *http.Request, name string) {
	if path.Clean("/"+name) == "/"+name { // no "..", no "//"
		file, err := assets.Open("assets/" + name)
		if err == nil {
			defer file.Close()
			if st, err := file.Stat(); err == nil && st.IsDir() {
				w.Header().Set("Location", "./"+path.Base(name)+"/")
				plain(w, http.StatusMovedPermanently, "Moved to "+name+"/")
				return
			}
		}
		if kind := contentType(name); err == nil && kind != "" {
			data, _ := assets.ReadFile("assets/" + name) // it was there a moment ago
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Cache-Control", "no-cache") // may be kept, must be asked about
			http.ServeContent(w, r, name, h.since, bytes.NewReader(data))
			return
		}
	}
	plain(w, http.StatusNotFound, "Not found: "+r.URL.Path)
}

// contentType is that of the files which the page serves, "" for others.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	}
	return ""
}
