//go:build gosvnext

package daemon

// next makes this another version, for the tests of upgrades.
const next = "+next"
