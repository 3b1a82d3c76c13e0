// Package event has Supervisor's event types, what each says, and the way from the
// one who publishes an event to the listeners that subscribed to it.
//
// Delivery: [Bus.Publish] is called by the manager's loop and by the output pump, and
// never blocks. Every subscriber sees the events it asked for in the order in which
// they were published. A subscriber that does not keep up loses its own oldest events,
// counted and logged, and nobody else's.
//
// A [Pool] is one [eventlistener:x] section: a bounded buffer of events and the
// processes that share it. What a listener process says on its standard output is
// judged by a [Listener], which is pure. The pool starts no goroutine: whoever brings
// news (an event, output, a change of state) also carries out what follows from it.
//
// Start reading at event.go, then bus.go and pool.go; protocol.go is the state machine.
package event
