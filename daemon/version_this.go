//go:build !gosvnext

package daemon

const next = ""
