/** Every operation on tensors. @module */
