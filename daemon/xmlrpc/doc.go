// Package xmlrpc reads XML-RPC calls and writes responses. It knows no method names and
// no HTTP: bytes on one side, Go values on the other.
//
// [Decode] is strict, bounded in size and depth, and knows no entities, so a hostile
// body costs no more than its length. What is written looks exactly like the output of
// Python's xmlrpc.client, one element a line, except where that is not XML: what XML 1.0
// forbids becomes U+FFFD.
//
// Writing appends to a byte slice, without reflection. A type that is sent by the
// thousand has an AppendXMLRPC method, made of the Append functions in encode.go.
package xmlrpc
