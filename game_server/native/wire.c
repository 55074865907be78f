/* The wires of a room, read and written in one call each: what a tick costs most often, without Python in between.

   Knows sockets and the one shape that nearly every message of a game client has: a whole, small, masked binary frame
   (RFC 6455 section 5.2) that came alone. Whatever else a read returns is handed up as it came, for the parser in
   core/frames.py; so nothing here decides what is right or wrong. game_server/web/wire.py says what each call returns
   and what stands in for it on a machine without a compiler; tests/web/test_wire.py holds both to the same.

   Nothing blocks: every call to the kernel has MSG_DONTWAIT. So the interpreter lock is kept: giving it up and taking it
   again for each socket is a good part of what is saved here. No Python runs in the middle of a call, so nothing can
   change under it; a message handed to a Python function from here would also cost more than in a loop of Python. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <errno.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS; Python ignores SIGPIPE anyway */
#endif

#define READ_BYTES_MAX 65536
#define FINAL_BINARY 0x82
#define MASKED 0x80
#define HEADER_BYTES 6
#define SMALL_BYTES_MAX 125

typedef struct {
    PyObject_HEAD
    int descriptor;
    char is_direct;
    Py_ssize_t small_bytes_max;
    Py_ssize_t unsent_bytes;
    unsigned long long bytes_in, bytes_out, messages_in, messages_out;
} Wire;

static PyTypeObject wire_type;

static PyObject *wire_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Wire *self = (Wire *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->descriptor = -1;
        self->small_bytes_max = SMALL_BYTES_MAX;
    }
    return (PyObject *)self;
}

static PyMemberDef wire_members[] = {
    {"descriptor", T_INT, offsetof(Wire, descriptor), 0, "of the open socket; -1: nothing may be sent"},
    {"is_direct", T_BOOL, offsetof(Wire, is_direct), 0, "whether the next bytes to arrive begin a message"},
    {"small_bytes_max", T_PYSSIZET, offsetof(Wire, small_bytes_max), 0, "a longer message is for the parser"},
    {"unsent_bytes", T_PYSSIZET, offsetof(Wire, unsent_bytes), 0, "kept because the kernel did not take them yet"},
    {"bytes_in", T_ULONGLONG, offsetof(Wire, bytes_in), 0, NULL},
    {"bytes_out", T_ULONGLONG, offsetof(Wire, bytes_out), 0, NULL},
    {"messages_in", T_ULONGLONG, offsetof(Wire, messages_in), 0, NULL},
    {"messages_out", T_ULONGLONG, offsetof(Wire, messages_out), 0, NULL},
    {NULL},
};

static PyTypeObject wire_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "game_server_wire.Wire",
    .tp_doc = "See game_server/web/wire_plain.py.",
    .tp_basicsize = sizeof(Wire),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = wire_new,
    .tp_members = wire_members,
};

/* Return the payload if `data` is one small, whole binary message, NULL without an error if it is anything else. */
static PyObject *single_binary(const Wire *wire, const unsigned char *data, Py_ssize_t length)
{
    Py_ssize_t payload_bytes = length - HEADER_BYTES;
    if (payload_bytes < 0 || payload_bytes > wire->small_bytes_max || payload_bytes > SMALL_BYTES_MAX)
        return NULL;
    if (data[0] != FINAL_BINARY || data[1] != (MASKED | payload_bytes))
        return NULL;
    PyObject *payload = PyBytes_FromStringAndSize(NULL, payload_bytes);
    if (payload == NULL)
        return NULL;
    unsigned char *plain = (unsigned char *)PyBytes_AS_STRING(payload);
    for (Py_ssize_t index = 0; index < payload_bytes; index++)
        plain[index] = data[HEADER_BYTES + index] ^ data[2 + (index & 3)];
    return payload;
}

/* Return what one wire brought, as `receive_all` gives it; NULL with an error only when memory is short. */
static PyObject *receive(Wire *wire, unsigned char *data, Py_ssize_t bytes_max)
{
    Py_ssize_t length;
    do
        length = recv(wire->descriptor, data, bytes_max, MSG_DONTWAIT);
    while (length < 0 && errno == EINTR);
    if (length < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            Py_RETURN_NONE;
        return PyLong_FromLong(errno);
    }
    if (length == 0)
        return PyLong_FromLong(0);
    wire->bytes_in += length;
    PyObject *payload = single_binary(wire, data, length);
    if (payload != NULL)
        wire->messages_in++;
    if (payload != NULL || PyErr_Occurred())
        return payload;
    return Py_BuildValue("(y#)", data, length);
}

static PyObject *receive_all(PyObject *module, PyObject *args)
{
    static unsigned char data[READ_BYTES_MAX]; /* under the interpreter lock: never used by two at once */
    PyObject *wires;
    Py_ssize_t bytes_max;
    if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &wires, &bytes_max))
        return NULL;
    if (bytes_max < 1 || bytes_max > READ_BYTES_MAX)
        return PyErr_Format(PyExc_ValueError, "bytes_max is 1 to %d, not %zd", READ_BYTES_MAX, bytes_max);
    Py_ssize_t count = PyList_GET_SIZE(wires);
    PyObject *received = PyList_New(count);
    if (received == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *item = PyList_GET_ITEM(wires, index), *got;
        if (PyObject_TypeCheck(item, &wire_type) && ((Wire *)item)->is_direct && ((Wire *)item)->descriptor >= 0)
            got = receive((Wire *)item, data, bytes_max);
        else
            got = Py_NewRef(Py_NotImplemented);
        if (got == NULL) {
            Py_DECREF(received);
            return NULL;
        }
        PyList_SET_ITEM(received, index, got);
    }
    return received;
}

/* Tell whether something for this wire is in the list of what was not sent whole: then nothing may overtake it. */
static int is_held_up(PyObject *rest, PyObject *wires, PyObject *wire)
{
    for (Py_ssize_t place = PyList_GET_SIZE(rest) - 1; place >= 0; place--) {
        Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GET_ITEM(PyList_GET_ITEM(rest, place), 0));
        if (PyList_GET_ITEM(wires, index) == wire)
            return 1;
    }
    return 0;
}

/* Append (index, result) to the list of what was not sent whole. */
static int note(PyObject *rest, Py_ssize_t index, Py_ssize_t result)
{
    PyObject *pair = Py_BuildValue("(nn)", index, result);
    int failed = pair == NULL || PyList_Append(rest, pair) < 0;
    Py_XDECREF(pair);
    return failed ? -1 : 0;
}

static PyObject *send_all(PyObject *module, PyObject *args)
{
    PyObject *wires, *frames;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &wires, &PyList_Type, &frames))
        return NULL;
    Py_ssize_t count = PyList_GET_SIZE(wires);
    if (PyList_GET_SIZE(frames) != count)
        return PyErr_Format(PyExc_ValueError, "%zd wires and %zd frames", count, PyList_GET_SIZE(frames));
    PyObject *rest = PyList_New(0);
    if (rest == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *item = PyList_GET_ITEM(wires, index), *frame = PyList_GET_ITEM(frames, index);
        Wire *wire = (Wire *)item;
        if (!PyObject_TypeCheck(item, &wire_type) || wire->descriptor < 0 || wire->unsent_bytes ||
            !PyBytes_CheckExact(frame) || is_held_up(rest, wires, item)) {
            if (note(rest, index, -1) < 0)
                goto failed;
            continue;
        }
        Py_ssize_t length = PyBytes_GET_SIZE(frame), sent;
        do
            sent = send(wire->descriptor, PyBytes_AS_STRING(frame), length, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent > 0)
            wire->bytes_out += sent;
        if (sent == length)
            wire->messages_out++;
        else if (note(rest, index, sent) < 0)
            goto failed;
    }
    return rest;
failed:
    Py_DECREF(rest);
    return NULL;
}

static PyObject *any_unsent(PyObject *module, PyObject *wires)
{
    if (!PyList_Check(wires))
        return PyErr_Format(PyExc_TypeError, "a list of wires is needed");
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(wires); index++) {
        PyObject *item = PyList_GET_ITEM(wires, index);
        if (!PyObject_TypeCheck(item, &wire_type) || ((Wire *)item)->unsent_bytes)
            Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

static PyMethodDef methods[] = {
    {"any_unsent", any_unsent, METH_O, "See game_server/web/wire.py."},
    {"receive_all", receive_all, METH_VARARGS, "See game_server/web/wire.py."},
    {"send_all", send_all, METH_VARARGS, "See game_server/web/wire.py."},
    {NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "game_server_wire",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_game_server_wire(void)
{
    PyObject *module = PyModule_Create(&module_definition);
    if (module != NULL && PyModule_AddType(module, &wire_type) < 0)
        Py_CLEAR(module);
    return module;
}
